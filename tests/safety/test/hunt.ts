import { mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Cleanup, mountedFileSystem, NodeProcess, RemoteError } from '@rexray/rig';
import { expect } from 'vitest';
import type { Dice } from '../src/damage.ts';

const PROGRAM = fileURLToPath(new URL('../src/writer-main.ts', import.meta.url));

export interface Hunter {
  readonly name: string;
  readonly home: string;
  readonly shared: string;
  process: NodeProcess;
}

export interface Hunt {
  /** The directory as the test itself reads it. */
  readonly shared: string;
  readonly nodes: readonly [Hunter, Hunter];
  start(n: Hunter): void;
}

export function directory(cleanup: Cleanup, fsType: 'xfs' | 'ext4'): string {
  const shared = join(mountedFileSystem(cleanup, fsType), 'volumes');
  mkdirSync(shared);
  return shared;
}

/** Two nodes over one directory, which each may reach by a path of its own. */
export function hunt(cleanup: Cleanup, shared: string, paths: readonly [string, string] = [shared, shared]): Hunt {
  const start = (n: Omit<Hunter, 'process'>): NodeProcess => {
    const p = new NodeProcess(PROGRAM, { home: n.home, shared: n.shared, nodeId: n.name });
    cleanup.add(() => p.kill());
    return p;
  };
  const make = (name: string, at: string): Hunter => {
    const n = { name, home: cleanup.tempDir(`rexray-${name}-`), shared: at };
    return { ...n, process: start(n) };
  };
  return {
    shared,
    nodes: [make('node-a', paths[0]), make('node-b', paths[1])],
    start(n) {
      n.process = start(n);
    },
  };
}

/** Kinds of trouble in an order of the seed: each comes once before any comes again. */
export function* troubles(kinds: number, roll: Dice): Generator<number, never> {
  for (;;) {
    const left = Array.from({ length: kinds }, (_, i) => i);
    while (left.length > 0) yield* left.splice(roll(left.length), 1);
  }
}

/** The answer, or the code of the error. A node that was killed answers `died`. */
export const answer = (p: Promise<unknown>): Promise<string> =>
  p.then(
    () => 'ok',
    (e: unknown) => (e instanceof RemoteError ? e.code : 'died'),
  );

export interface Line {
  readonly node: string;
  readonly epoch: number;
  readonly n: number;
}

export function journal(path: string): readonly Line[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((l) => l !== '')
    .map((l) => {
      const [node = '', epoch, n] = l.split(' ');
      return { node, epoch: Number(epoch), n: Number(n) };
    });
}

/** The highest claim on the volume, held or let go, as its directory shows it. */
export function claimOf(h: Hunt): { readonly epoch: number; readonly node: string } {
  let last = { epoch: 0, node: '' };
  for (const name of readdirSync(join(h.shared, 'data'))) {
    const epoch = Number(/^(?:claim|free)\.[0-9a-f]{12}\.(\d+)$/.exec(name)?.[1] ?? 0);
    if (epoch <= last.epoch) continue;
    const text = readlinkSync(join(h.shared, 'data', name));
    last = { epoch, node: /"node":"([^"]+)"/.exec(text)?.[1] ?? '' };
  }
  return last;
}

/** Index of the node that has it, or had it last; -1 = nobody ever had. */
export const ownerIn = (h: Hunt): number => h.nodes.findIndex((n) => n.name === claimOf(h).node);

/** Lines that were acknowledged under the claim that counts, while it did: what the loser of a takeover still acknowledges is not promised. */
export async function acknowledgedIn(h: Hunt): Promise<Record<string, number>> {
  const all = await Promise.all(
    h.nodes.map((n) => n.process.call<Record<string, number>>('acknowledged').catch(() => ({}))),
  );
  const { epoch } = claimOf(h);
  const lines = (Object.assign({}, ...all) as Record<string, number>)[epoch];
  return lines === undefined ? {} : { [epoch]: lines };
}

/** Everybody lets go; the journal is read where it is mounted then. */
export async function finish(h: Hunt): Promise<readonly Line[]> {
  for (const n of h.nodes)
    await expect.poll(() => answer(n.process.call('unmount')), { timeout: 60_000, interval: 250 }).toBe('ok');
  const [a] = h.nodes;
  const m = await a.process.call<{ path: string }>('mount', true);
  return journal(join(`/proc/${a.process.child.pid}/root`, m.path, 'journal'));
}

/** One owner after the other, more than two of them, and nothing is missing that was acknowledged. */
export function assertKept(what: string, lines: readonly Line[], must: Readonly<Record<string, number>>): void {
  assertOneWriter(lines);
  const count = new Map<number, number>();
  for (const l of lines) count.set(l.epoch, l.n);
  console.log(`${what}, ${count.size} epochs, ${lines.length} lines`);
  expect(count.size).toBeGreaterThan(2);
  for (const [epoch, n] of Object.entries(must))
    expect(count.get(Number(epoch)) ?? 0, `acknowledged lines of epoch ${epoch}`).toBeGreaterThanOrEqual(n);
}

/** No two epochs at once: they follow each other, each is one node's, and nothing is missing in the middle of one. */
export function assertOneWriter(lines: readonly Line[]): void {
  const owner = new Map<number, string>();
  let last: Line | undefined;
  for (const l of lines) {
    expect(Number.isSafeInteger(l.epoch) && Number.isSafeInteger(l.n), `a torn line: ${JSON.stringify(l)}`).toBe(true);
    expect(owner.get(l.epoch) ?? l.node, `epoch ${l.epoch} was written by two nodes`).toBe(l.node);
    owner.set(l.epoch, l.node);
    if (last !== undefined) {
      expect(l.epoch, 'a line of an earlier epoch after one of a later').toBeGreaterThanOrEqual(last.epoch);
      if (l.epoch === last.epoch) expect(l.n, `a hole in epoch ${l.epoch}`).toBe(last.n + 1);
    }
    last = l;
  }
}
