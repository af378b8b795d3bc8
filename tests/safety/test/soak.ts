import { type Cleanup, NodeProcess } from '@rexray/rig';
import { expect } from 'vitest';
import { bundle } from '../src/bundle.ts';
import type { Passed, Sample, SoakStart } from '../src/soak-main.ts';

const MIB = 1024 ** 2;
/** What a process may have more at the end than after its first passes: caches that fill, the heap's own slack. */
const SLACK = { rssBytes: 48 * MIB, workerRssBytes: 64 * MIB, descriptors: 4, stateBytes: 4 * MIB };

export interface SoakOptions {
  readonly totalMs: number;
  readonly passMs: number;
}

/** Passes of random work, each with a look at what is left and what has grown. */
export async function soak(cleanup: Cleanup, { totalMs, passMs }: SoakOptions): Promise<void> {
  const seed = Number(process.env.SAFETY_SEED ?? 1);
  const home = cleanup.tempDir('rexray-soak-');
  const program = await bundle(cleanup, './soak-main.ts');
  const p = new NodeProcess(program.args[0] ?? '', { home, seed } satisfies SoakStart);
  cleanup.add(() => p.kill());
  await p.call('prepare');
  const samples: Sample[] = [];
  const begin = performance.now();
  let last: Passed | undefined;
  let killed = 0;
  while (last === undefined || performance.now() - begin < totalMs) {
    last = await p.call<Passed>('pass', Math.min(passMs, totalMs));
    killed += last.killed;
    samples.push(last.sample);
    process.stderr.write(`soak: pass ${samples.length}, ${JSON.stringify(last.sample)}\n`);
    expect(last.sample, `after pass ${samples.length}`).toMatchObject({ leaks: [], loops: 0, mounts: 0 });
    // From time to time the worker process dies, and with it whatever it was doing.
    if (samples.length % 5 === 0) await p.call('killWorkers');
  }
  report(samples, last.verbs, killed);
  flat(samples);
}

const average = (all: readonly Sample[], of: (s: Sample) => number): number =>
  all.reduce((n, s) => n + of(s), 0) / Math.max(1, all.length);

/** The second quarter against the last: the first fills caches. */
function flat(samples: readonly Sample[]): void {
  const quarter = Math.floor(samples.length / 4);
  if (quarter === 0) return;
  const [early, late] = [samples.slice(quarter, 2 * quarter), samples.slice(-quarter)];
  for (const key of ['rssBytes', 'workerRssBytes', 'descriptors', 'stateBytes'] as const) {
    const grown = average(late, (s) => s[key]) - average(early, (s) => s[key]);
    expect(grown, `${key} grew`).toBeLessThanOrEqual(SLACK[key]);
  }
}

function report(samples: readonly Sample[], verbs: Passed['verbs'], killed: number): void {
  const done = Object.entries(verbs).filter(([k]) => !k.includes(':'));
  const refused = Object.entries(verbs).filter(([k]) => k.includes(':'));
  const sum = (all: readonly (readonly [string, number])[]): number => all.reduce((n, [, k]) => n + k, 0);
  console.log(
    `soak: ${samples.length} passes, ${sum(done)} verbs done, ${sum(refused)} refused, ${killed} processes killed`,
  );
  console.log(`  ${[...done, ...refused].map(([k, n]) => `${k} ${n}`).join(', ')}`);
  for (const [i, s] of samples.entries()) {
    if (i % Math.max(1, Math.floor(samples.length / 12)) !== 0 && i !== samples.length - 1) continue;
    const size = (b: number): string => `${(b / MIB).toFixed(1)} MiB`;
    console.log(
      `  pass ${i + 1}: RSS ${size(s.rssBytes)}, workers ${size(s.workerRssBytes)}, ${s.descriptors} descriptors, state ${size(s.stateBytes)}`,
    );
  }
}
