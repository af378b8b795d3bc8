import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Cleanup, mountedFileSystem, NodeProcess, RemoteError } from '@rexray/rig';
import { expect } from 'vitest';

const PROGRAM = fileURLToPath(new URL('../src/writer-main.ts', import.meta.url));

export interface Hunter {
  readonly name: string;
  readonly home: string;
  process: NodeProcess;
}

export interface Hunt {
  readonly shared: string;
  readonly nodes: readonly [Hunter, Hunter];
  start(n: Hunter): void;
}

export function directory(cleanup: Cleanup, fsType: 'xfs' | 'ext4'): string {
  const shared = join(mountedFileSystem(cleanup, fsType), 'volumes');
  mkdirSync(shared);
  return shared;
}

export function hunt(cleanup: Cleanup, shared: string): Hunt {
  const start = (n: { name: string; home: string }): NodeProcess => {
    const p = new NodeProcess(PROGRAM, { home: n.home, shared, nodeId: n.name });
    cleanup.add(() => p.kill());
    return p;
  };
  const make = (name: string): Hunter => {
    const home = cleanup.tempDir(`rexray-${name}-`);
    return { name, home, process: start({ name, home }) };
  };
  return {
    shared,
    nodes: [make('node-a'), make('node-b')],
    start(n) {
      n.process = start(n);
    },
  };
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
