/**
 * The soak, in a mount namespace of its own: a process that stays for the whole run, as a daemon does, with short-lived
 * ones beside it that are killed in the middle of their work, over the same volumes and the same state.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { leaks, loopsBelow, mountsBelow } from './audit.ts';
import { dice } from './damage.ts';
import { openPlace, stateOf } from './open.ts';
import { patiently, prepareSoak, Soaked, settleSoak } from './soak-verbs.ts';

export interface SoakStart {
  readonly home: string;
  readonly seed: number;
  /** `works` until it is killed; `opens`, which reconciles, and ends. */
  readonly mortal?: 'works' | 'opens';
}
/** What must stay flat, read when everything was let go of. */
export interface Sample {
  readonly rssBytes: number;
  readonly workerRssBytes: number;
  readonly descriptors: number;
  readonly loops: number;
  readonly mounts: number;
  readonly stateBytes: number;
  readonly leaks: readonly string[];
}
export interface Passed {
  readonly sample: Sample;
  readonly verbs: Readonly<Record<string, number>>;
  readonly killed: number;
}

const start = JSON.parse(process.argv[2] ?? '{}') as SoakStart;
const LANES = 2;
/** Between two verbs: the soak is about time, not about load. */
const PAUSE_MS = 30;
const roll = dice(start.seed);
const place = await openPlace({ home: start.home, host: 'worker', watch: start.mortal === undefined });

const lanes = (who: string): readonly Soaked[] =>
  Array.from({ length: LANES }, (_, i) => new Soaked(place.volumes, `engine:${who}-${i}`, dice(start.seed + i)));
const untilThen = (all: readonly Soaked[], until: number): Promise<unknown> =>
  Promise.all(
    all.map(async (l) => {
      while (performance.now() < until) {
        await l.verb();
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    }),
  );

function mortal(what: 'works' | 'opens', seed: number): ChildProcess {
  const argument = JSON.stringify({ ...start, seed, mortal: what } satisfies SoakStart);
  const program = process.argv[1] ?? '';
  return spawn(process.execPath, [...process.execArgv, program, argument], { stdio: ['ignore', 'pipe', 'inherit'] });
}

const MORTAL_MS = 6_000;
/** One after the other: each is killed at a moment that nobody chose. @returns how many */
async function mortals(until: number): Promise<number> {
  let killed = 0;
  while (performance.now() < until) {
    const child = mortal('works', roll(1_000_000));
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    await Promise.race([new Promise((resolve) => child.stdout?.once('data', resolve)), ended]);
    await new Promise((resolve) => setTimeout(resolve, roll(MORTAL_MS)));
    child.kill('SIGKILL');
    const code = await ended;
    if (code !== null) throw new Error(`a process ended by itself with ${code}`);
    killed += 1;
  }
  return killed;
}

const children = (): readonly number[] =>
  readdirSync('/proc')
    .filter((n) => /^\d+$/.test(n))
    .flatMap((n) => {
      try {
        const stat = readFileSync(`/proc/${n}/stat`, 'utf8');
        return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === process.pid ? [Number(n)] : [];
      } catch {
        return [];
      }
    });
function rssOf(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

async function sample(): Promise<Sample> {
  globalThis.gc?.();
  const state = stateOf(start.home);
  return {
    rssBytes: rssOf(process.pid),
    workerRssBytes: children().reduce((n, pid) => n + rssOf(pid), 0),
    descriptors: readdirSync('/proc/self/fd').length,
    loops: loopsBelow(start.home).length,
    mounts: mountsBelow(start.home).length,
    stateBytes: readdirSync(state, { recursive: true })
      .map((f) => statSync(join(state, String(f))))
      .reduce((n, s) => n + (s.isFile() ? s.size : 0), 0),
    leaks: await leaks(place),
  };
}

const all = lanes(start.mortal === undefined ? 'steady' : 'mortal');
if (start.mortal === 'opens') {
  await place.rex.close();
  process.exit(0);
}
if (start.mortal === 'works') {
  process.stdout.write('works\n');
  await untilThen(all, Number.POSITIVE_INFINITY);
}

const VERBS: Record<string, (ms: number) => Promise<unknown>> = {
  prepare: () => patiently(() => prepareSoak(place.volumes)),
  /** Works for so many ms; then all is let go of, looked at and measured. */
  async pass(ms): Promise<Passed> {
    const until = performance.now() + ms;
    const [killed] = await Promise.all([mortals(until), untilThen(all, until)]);
    await new Promise((resolve) => mortal('opens', 0).once('exit', resolve));
    await patiently(() => settleSoak(place.volumes));
    const verbs: Record<string, number> = {};
    for (const l of all) for (const [k, n] of Object.entries(l.count)) verbs[k] = (verbs[k] ?? 0) + n;
    return { sample: await sample(), verbs, killed };
  },
  /** The host's worker process dies under whatever it was doing. */
  async killWorkers() {
    for (const pid of children()) process.kill(pid, 'SIGKILL');
  },
};
for await (const line of createInterface({ input: process.stdin })) {
  const { id, verb, args } = JSON.parse(line) as { id: number; verb: string; args: [number] };
  void (async () => {
    try {
      process.stdout.write(`${JSON.stringify({ id, result: (await VERBS[verb]?.(...args)) ?? null })}\n`);
    } catch (e) {
      const error = { code: 'internal', message: String((e as Error).stack) };
      process.stdout.write(`${JSON.stringify({ id, error })}\n`);
    }
  })();
}
