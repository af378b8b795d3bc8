import { request } from 'node:http';
import { VolumeError } from '@rexray/core';

const TIMEOUT_MS = 10_000;
const MOST_BYTES = 64 * 1024 * 1024;
/** States in which a container has nothing mounted, and gets it only by a new Mount. Any other, known or not, counts as alive. */
const ENDED = new Set(['exited', 'dead']);

interface EngineContainer {
  readonly State?: unknown;
  readonly Mounts?: unknown;
}

/**
 * Names of all volumes that a container in any live state uses, whatever their driver.
 * @param engine `unix:///run/docker.sock`
 * @throws VolumeError `unavailable` when the engine does not answer completely: then nothing is known
 */
export async function volumesInUse(engine: string, signal: AbortSignal): Promise<ReadonlySet<string>> {
  const answer = await get(engine, '/containers/json?all=1', signal);
  const all: unknown = JSON.parse(answer);
  if (!Array.isArray(all)) throw strange(engine, 'its list of containers is none');
  const names = new Set<string>();
  for (const c of all as EngineContainer[]) {
    if (typeof c.State === 'string' && ENDED.has(c.State.toLowerCase())) continue;
    if (!Array.isArray(c.Mounts)) throw strange(engine, 'it does not say what its containers mount');
    for (const m of c.Mounts as { Name?: unknown }[]) if (typeof m.Name === 'string') names.add(m.Name);
  }
  return names;
}

const strange = (engine: string, why: string): VolumeError =>
  new VolumeError('unavailable', `The engine at ${engine} cannot be understood: ${why}.`, { details: {} });

function get(engine: string, path: string, signal: AbortSignal): Promise<string> {
  const socketPath = engine.replace(/^unix:\/\//, '');
  return new Promise((resolve, reject) => {
    const fail = (why: string): void =>
      reject(new VolumeError('unavailable', `The engine at ${engine} does not answer (${why}).`, { details: {} }));
    const q = request({ socketPath, path, agent: false, headers: { host: 'docker' }, signal, timeout: TIMEOUT_MS });
    const limit = setTimeout(() => q.destroy(new Error('too slow')), TIMEOUT_MS);
    q.once('close', () => clearTimeout(limit));
    q.on('timeout', () => q.destroy(new Error('too slow')));
    q.on('error', (e) => fail((e as NodeJS.ErrnoException).code ?? e.message));
    q.on('response', (r) => {
      const chunks: Buffer[] = [];
      let size = 0;
      r.on('data', (c: Buffer) => {
        size += c.length;
        if (size > MOST_BYTES) q.destroy(new Error('its answer is too long'));
        else chunks.push(c);
      });
      r.on('error', (e) => fail(e.message));
      r.on('end', () => {
        if (r.statusCode !== 200 || !r.complete) return fail(`status ${r.statusCode}`);
        resolve(Buffer.concat(chunks).toString());
      });
    });
    q.end();
  });
}
