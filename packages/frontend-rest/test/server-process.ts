/** A server in a process of its own, over the storage in memory and a simulated machine: worlds as the conformance suite wants them, told by lines of JSON. */
import { createInterface } from 'node:readline';
import { bytes, isVolumeError } from '@rexray/core';
import { Cleanup } from './embedded.ts';
import { type Secure, secure, tokenOf } from './secure.ts';

interface World {
  readonly on: Secure;
  readonly cleanup: Cleanup;
}
const worlds = new Map<number, World>();
const world = (id: number): World => {
  const it = worlds.get(id);
  if (it === undefined) throw new Error(`no world ${id}`);
  return it;
};
let serial = 0;

const VERBS: Record<string, (...a: never[]) => unknown> = {
  async open() {
    const cleanup = new Cleanup();
    const on = await secure(cleanup, { config: { rateLimit: { perSecond: 0 } } });
    serial += 1;
    worlds.set(serial, { on, cleanup });
    return { id: serial, url: on.url, ca: on.ca, token: await tokenOf('ann') };
  },
  write: (id: number, path: string, text: string) => world(id).on.machine.write(path, text),
  read: (id: number, path: string) => world(id).on.machine.read(path),
  async leaks(id: number) {
    const { machine, env, backend } = world(id).on;
    return [
      ...machine.leaks(),
      ...(await env.store.list('intent/')).map(([k]) => k),
      ...[...backend.volumes.values()].filter((v) => v.attachments.length > 0).map((v) => `claim of ${v.name}`),
    ];
  },
  foreign: (id: number) => void world(id).on.backend.addForeign('theirs', bytes(64 * 2 ** 20)),
  slow(id: number, ms: number) {
    const { faults } = world(id).on.backend;
    faults.clear();
    if (ms > 0) for (const op of ['attach', 'mark'] as const) faults.delay(op, ms);
  },
  async close(id: number) {
    await world(id).cleanup.run();
    worlds.delete(id);
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, verb, args } = JSON.parse(line) as { id: number; verb: string; args: never[] };
  void (async () => {
    try {
      const result = await VERBS[verb]?.(...args);
      process.stdout.write(`${JSON.stringify({ id, result: result ?? null })}\n`);
    } catch (e) {
      const error = isVolumeError(e) ? e.toJSON() : { code: 'internal', message: String((e as Error)?.stack ?? e) };
      process.stdout.write(`${JSON.stringify({ id, error })}\n`);
    }
  })();
}
process.exit(0);
