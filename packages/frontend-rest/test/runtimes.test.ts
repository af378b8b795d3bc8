import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { hasRuntime, RUNTIMES } from '@rexray/rig';
import { afterAll, describe, expect, it } from 'vitest';
import { Cleanup, serve, unique } from './embedded.ts';

const PROGRAM = fileURLToPath(new URL('./client-program.ts', import.meta.url));
const cleanup = new Cleanup();
afterAll(() => cleanup.run());

function run(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 });
    let out = '';
    let err = '';
    child.stdout.on('data', (c: Buffer) => {
      out += String(c);
    });
    child.stderr.on('data', (c: Buffer) => {
      err += String(c);
    });
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve(out) : reject(new Error(`ended with ${code}: ${err}`))));
  });
}

describe('the client on other runtimes, against this server', () => {
  for (const runtime of RUNTIMES.filter((r) => r.unbuilt)) {
    const there = hasRuntime(runtime);
    if (!there && process.env.CI === 'true') throw new Error(`${runtime.name} is missing; under CI it must be there`);
    it.skipIf(!there)(`${runtime.name}: verbs, handles, events, cancel, errors`, { timeout: 90_000 }, async () => {
      const on = await serve(cleanup, { config: { signMs: 50 } });
      const name = unique('prog');
      await on.integration.create(`${name}-slow`);
      // Only the second mount hangs.
      on.events.on('volume.unmounted', () => void on.machine.hang('mount', { times: 1 }));
      // Slower than the signs of life: the answer comes as a stream.
      on.backend.faults.delay('expand', 200);
      const out = await run(runtime.program, [...runtime.args(['@rexray/source']), PROGRAM, on.socket, name]);
      expect(JSON.parse(out)).toEqual({
        path: `/volumes/${name}/data`,
        holders: ['cli'],
        canceled: true,
        lacking: 'not_found',
        grown: 128 * 2 ** 20,
        names: [`${name}-slow`, name],
        nobody: 'unavailable',
        events: ['volume.created', 'volume.mounted', 'volume.unmounted', 'volume.expanded', 'volume.removed'],
      });
      expect(on.machine.leaks()).toEqual([]);
    });
  }
});
