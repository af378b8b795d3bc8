/**
 * A process that is killed: started early, it waits for one order on standard input, prepares, and then strikes itself at
 * one of the points of one verb. Without a point it tells all of them.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { isVolumeError } from '@rexray/core';
import { LmdbStore } from '@rexray/store-lmdb';
import { openPlace } from './open.ts';
import { SCENARIOS } from './scenarios.ts';
import { arm, block, die, disarm, type Point, point } from './trace.ts';

/**
 * `process` dies at the point; `child` its child does, at a point of kind `child running`; `family` every child that it has,
 * then itself: nobody thaws what they froze; `power` the disk loses what was not flushed, then it dies.
 */
export type How = 'process' | 'process-later' | 'child' | 'child-later' | 'family' | 'power';
export interface Order {
  readonly home: string;
  readonly scenario: string;
  readonly at: number;
  readonly how: How;
  /** The host works in a process of its own, and that one is struck. */
  readonly worker?: boolean;
  /** For `power`: what is shut down. */
  readonly disk?: string;
}
export interface Told {
  readonly points: readonly string[];
  readonly struck: string | undefined;
  readonly error?: { readonly code: string; readonly message: string };
}

const LATER_MS = 8;

function watchStore(): void {
  const commit = LmdbStore.prototype.commit;
  LmdbStore.prototype.commit = async function (...args) {
    const keys = args[0].map((op) => ('put' in op ? `+${op.put}` : `-${op.del}`)).join(' ');
    point(`store commit ${keys}`);
    const answer = await commit.apply(this, args);
    point(`store committed ${keys}`);
    return answer;
  };
}

const told: { points: string[]; struck: string | undefined } = { points: [], struck: undefined };

const children: number[] = [];
function endChildren(): void {
  for (const pid of children) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      if (stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] === String(process.pid)) process.kill(pid, 'SIGKILL');
    } catch {}
  }
}

function strikeOf(o: Order): (p: Point, i: number) => void {
  return (p, i) => {
    told.points.push(p.what);
    if (p.child !== undefined) children.push(p.child);
    if (i !== o.at) return;
    told.struck = p.what;
    if (o.how === 'power' && o.disk !== undefined) {
      execFileSync('xfs_io', ['-x', '-c', 'shutdown', o.disk]);
      die();
    }
    if (o.how === 'process-later' || o.how === 'child-later') block(LATER_MS);
    if (o.how === 'family') {
      endChildren();
      die();
    }
    if (o.how === 'process' || o.how === 'process-later') die();
    if (p.child !== undefined) process.kill(p.child, 'SIGKILL');
  };
}

/** Has the workers that start from now on strike themselves, once the file is there. */
function workerStruck(o: Order): { readonly armed: string; end(): string[] } {
  const [armed, log] = [join(o.home, 'armed'), join(o.home, 'points')];
  Object.assign(process.env, {
    NODE_OPTIONS: `--import ${process.env.SAFETY_WORKER_TRACE}`,
    SAFETY_ARMED: armed,
    SAFETY_AT: String(o.at),
    SAFETY_TOLD: log,
  });
  const end = (): string[] => {
    rmSync(armed);
    return existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [];
  };
  return { armed, end };
}

async function main(o: Order): Promise<Told> {
  const scenario = SCENARIOS.find((s) => s.name === o.scenario);
  if (scenario === undefined) throw new Error(`no scenario ${o.scenario}`);
  const worker = o.worker === true ? workerStruck(o) : undefined;
  const place = await openPlace({ home: o.home, host: worker === undefined ? 'in-process' : 'worker' });
  await scenario.before?.(place.volumes);
  watchStore();
  if (worker === undefined) arm(strikeOf(o));
  else writeFileSync(worker.armed, '');
  let error: Told['error'];
  try {
    await scenario.run(place.volumes);
    point('reply');
  } catch (e) {
    error = { code: isVolumeError(e) ? e.code : 'internal', message: String(e) };
  }
  disarm();
  if (worker !== undefined) told.points = worker.end();
  await place.rex.close();
  return { ...told, ...(error !== undefined && { error }) };
}

const lines = createInterface({ input: process.stdin });
for await (const line of lines) {
  const answer = await main(JSON.parse(line) as Order);
  writeSync(1, `${JSON.stringify(answer)}\n`);
  break;
}
process.exit(0);
