/**
 * One node of the hunt for two writers: mounts one volume of a shared directory and appends to its journal for as long as
 * it may, each line with its node and epoch, each acknowledged only after fsync.
 */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { isVolumeError } from '@rexray/core';
import localLoop from '@rexray/driver-local-loop';
import { openRexray } from '@rexray/runtime';

interface Start {
  readonly home: string;
  readonly shared: string;
  readonly nodeId: string;
}
const start = JSON.parse(process.argv[2] ?? '{}') as Start;
const rex = await openRexray({
  home: start.home,
  node: { id: start.nodeId, mountNamespace: '/proc/self' },
  services: { shared: localLoop({ volumePath: start.shared, shared: true }) },
});
const s = rex.service('shared').integration;
const holder = 'cli';

/** Acknowledged lines by epoch. */
const acknowledged: Record<string, number> = {};
let writing = 0;

/** Writes until it fails or is told to stop; more than one may run, as two containers would. */
async function write(dir: string, epoch: number): Promise<void> {
  let fd: number;
  let n = 0;
  try {
    const path = join(dir, 'journal');
    // A process that came back goes on where the one before it ended: the claim, and its epoch, are the node's.
    if (existsSync(path))
      n = readFileSync(path, 'utf8')
        .split('\n')
        .filter((l) => l.split(' ')[1] === String(epoch)).length;
    fd = openSync(path, 'a');
  } catch {
    return;
  }
  writing += 1;
  const mine = writing;
  try {
    while (writing === mine) {
      writeSync(fd, `${start.nodeId} ${epoch} ${n + 1}\n`);
      fsyncSync(fd);
      n += 1;
      acknowledged[epoch] = n;
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
  } catch {
    // EIO: this node was shut out.
  } finally {
    try {
      closeSync(fd);
    } catch {}
  }
}

const VERBS: Record<string, (...a: never[]) => unknown> = {
  create: (o: object) => s.create('data', o),
  async mount(preempt: boolean) {
    const m = await s.mount('data', { holder, preempt, timeoutMs: 20_000 });
    const epoch = (await s.get('data')).attachments.find((a) => a.here)?.epoch;
    if (epoch !== undefined) void write(m.path, epoch);
    return { path: m.path, root: m.root, epoch };
  },
  async unmount() {
    writing += 1;
    await new Promise((resolve) => setTimeout(resolve, 10));
    await s.unmount('data', { holder, all: true, timeoutMs: 20_000 });
  },
  acknowledged: () => acknowledged,
  /** The wall clock of this node jumps. */
  clock(ms: number) {
    const now = Date.now;
    Date.now = () => now() + ms;
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, verb, args } = JSON.parse(line) as { id: number; verb: string; args: never[] };
  void (async () => {
    try {
      const result = await VERBS[verb]?.(...args);
      process.stdout.write(`${JSON.stringify({ id, result: result ?? null })}\n`);
    } catch (e) {
      const error = isVolumeError(e) ? e.toJSON() : { code: 'internal', message: String((e as Error).stack) };
      process.stdout.write(`${JSON.stringify({ id, error })}\n`);
    }
  })();
}
