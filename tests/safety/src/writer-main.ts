/**
 * One node of the hunt for two writers: mounts one volume of a shared directory and appends to its journal for as long as
 * it may, each line with its node and epoch, each acknowledged only after fsync.
 */
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
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
let before: Promise<void> = Promise.resolve();

/** How many lines of this epoch are there: a process that came back goes on where the one before it ended, the claim is the node's. */
async function linesOf(path: string, epoch: number): Promise<number> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.split('\n').filter((l) => l.split(' ')[1] === String(epoch)).length;
}

/** Writes until it fails or is told to stop. Never on this thread: its disk may hang, and verbs are still answered. */
async function write(dir: string, epoch: number, mine: number): Promise<void> {
  let file: FileHandle | undefined;
  try {
    const path = join(dir, 'journal');
    let n = await linesOf(path, epoch);
    file = await open(path, 'a');
    while (writing === mine) {
      await file.write(`${start.nodeId} ${epoch} ${n + 1}\n`);
      await file.sync();
      n += 1;
      acknowledged[epoch] = n;
      await sleep(3);
    }
  } catch {
    // EIO: this node was shut out.
  } finally {
    await file?.close().catch(() => undefined);
  }
}

/** One at a time: the next begins when the one before has ended, however long its disk takes. */
function beginWriting(dir: string, epoch: number): void {
  writing += 1;
  const mine = writing;
  before = before.then(() => write(dir, epoch, mine));
}

const VERBS: Record<string, (...a: never[]) => unknown> = {
  create: (o: object) => s.create('data', o),
  async mount(preempt: boolean | 'unsafe') {
    const m = await s.mount('data', { holder, preempt, timeoutMs: 20_000 });
    const epoch = (await s.get('data')).attachments.find((a) => a.here)?.epoch;
    if (epoch !== undefined) beginWriting(m.path, epoch);
    return { path: m.path, root: m.root, epoch };
  },
  async unmount() {
    writing += 1;
    await sleep(10);
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
