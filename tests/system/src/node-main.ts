/** One node of a two-node test: a REX-Ray over a shared directory, told what to do by lines of JSON on standard input. */
import { closeSync, fsyncSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { isVolumeError } from '@rexray/core';
import localLoop from '@rexray/driver-local-loop';
import { openRexray } from '@rexray/runtime';

interface Start {
  readonly home: string;
  readonly shared: string;
  readonly nodeId: string;
  readonly preempt?: boolean;
}
const start = JSON.parse(process.argv[2] ?? '{}') as Start;
const rex = await openRexray({
  home: start.home,
  node: { id: start.nodeId, mountNamespace: '/proc/self' },
  services: { shared: localLoop({ volumePath: start.shared, shared: true }) },
  operations: { mount: { preempt: start.preempt === true } },
});
const s = rex.service('shared').integration;

/** Appends a numbered line with fsync every few milliseconds; remembers what was acknowledged. */
let writing: { stop: boolean; acknowledged: number; error?: string; done: Promise<void> } | undefined;
function write(dir: string): void {
  const state: NonNullable<typeof writing> = { stop: false, acknowledged: 0, done: Promise.resolve() };
  const loop = async (): Promise<void> => {
    const fd = openSync(join(dir, 'journal'), 'a');
    try {
      while (!state.stop) {
        writeSync(fd, `${start.nodeId} ${state.acknowledged + 1}\n`);
        fsyncSync(fd);
        state.acknowledged += 1;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    } catch (e) {
      state.error = (e as NodeJS.ErrnoException).code ?? String(e);
    } finally {
      try {
        closeSync(fd);
      } catch {
        // After a shutdown even close may answer EIO.
      }
    }
  };
  state.done = loop();
  writing = state;
}

const VERBS: Record<string, (...a: never[]) => unknown> = {
  create: (name: string, o: object) => s.create(name, o),
  get: (name: string) => s.get(name),
  mount: (name: string, o: object) => s.mount(name, { holder: 'cli', ...o }),
  unmount: (name: string, o: object) => s.unmount(name, { holder: 'cli', ...o }),
  remove: (name: string) => s.remove(name),
  holders: () => s.holders.list(),
  put: (file: string, text: string) => {
    writeFileSync(file, text);
    const fd = openSync(file, 'r');
    fsyncSync(fd);
    closeSync(fd);
  },
  read: (file: string) => readFileSync(file, 'utf8'),
  write: (dir: string) => write(dir),
  writer: () => ({ acknowledged: writing?.acknowledged, error: writing?.error }),
  stopWriter: async () => {
    if (writing !== undefined) writing.stop = true;
    await writing?.done;
    return { acknowledged: writing?.acknowledged, error: writing?.error };
  },
  close: async () => {
    await rex.close();
    setTimeout(() => process.exit(0), 10);
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, verb, args } = JSON.parse(line) as { id: number; verb: string; args: never[] };
  void (async () => {
    try {
      const result = await VERBS[verb]?.(...args);
      process.stdout.write(`${JSON.stringify({ id, result: result ?? null })}\n`);
    } catch (e) {
      const error = isVolumeError(e)
        ? e.toJSON()
        : { code: (e as NodeJS.ErrnoException).code ?? 'internal', message: String(e) };
      process.stdout.write(`${JSON.stringify({ id, error })}\n`);
    }
  })();
}
await rex.close();
