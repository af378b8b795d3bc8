/**
 * `npm run bench [-- <name>…]`: measures in one interleaved run, so that a noisy machine is noisy for both sides.
 *
 * A file `bench/<name>.mjs` has one default export:
 *   { what, sides, rounds?, warmUp?, goal?, setUp?, tearDown?, note? }
 *   sides   `{ ours: async (state) => …, theirs: async (state) => … }`, timed; or answers milliseconds by itself
 *   goal    highest ratio of the first side to the second that is good enough
 *   setUp   answers the state that each side gets; tearDown(state) always runs
 *   note    `(state) => string` printed beside the result (the flush cost of the disk, sizes)
 * or `{ what, measure }`, where `measure()` answers rows `{ name: value with unit }`. Numbers are for people: the exit status
 * is 1 only when a benchmark could not run; `--strict` makes a missed goal 1 too.
 */
import { existsSync, readdirSync } from 'node:fs';
import { cpus } from 'node:os';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, fail, install, ROOT, requireNode } from './setup.mjs';

const DIR = join(ROOT, 'bench');
const milliseconds = (n) => `${n.toFixed(n < 10 ? 2 : 1)} ms`;

requireNode();
const strict = process.argv.includes('--strict');
const wanted = process.argv.slice(2).filter((a) => !a.startsWith('--'));
const all = existsSync(DIR) ? readdirSync(DIR).filter((f) => f.endsWith('.mjs')) : [];
const chosen = all.filter((f) => wanted.length === 0 || wanted.includes(basename(f, '.mjs')));
if (chosen.length === 0)
  fail(`No benchmark to run. There are: ${all.map((f) => basename(f, '.mjs')).join(', ') || 'none'}.`);
await install();
if ((await build()).status !== 0) fail('The build failed.');

console.log(`Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}\n`);
for (const file of chosen) {
  const name = basename(file, '.mjs');
  try {
    const bench = (await import(pathToFileURL(join(DIR, file)).href)).default;
    console.log(`${name}: ${bench.what}`);
    const good = bench.measure ? printRows(await bench.measure()) : await compare(bench);
    if (strict && !good) process.exitCode = 1;
  } catch (e) {
    console.error(`  could not run: ${e instanceof Error ? (e.text ?? e.message) : e}`);
    process.exitCode = 1;
  }
}

function printRows(rows) {
  for (const [key, value] of Object.entries(rows)) console.log(`  ${key.padEnd(28)} ${value}`);
  return true;
}

/** Sides take turns, and the one that begins alternates: what drifts hits both alike. */
async function compare(bench) {
  const { sides, rounds = 20, warmUp = 2, setUp, tearDown, goal } = bench;
  const times = Object.fromEntries(Object.keys(sides).map((side) => [side, []]));
  const state = await setUp?.();
  try {
    for (let round = -warmUp; round < rounds; round++) {
      const order = round % 2 === 0 ? Object.keys(sides) : Object.keys(sides).reverse();
      for (const side of order) {
        const ms = await timed(() => sides[side](state));
        if (round >= 0) times[side].push(ms);
      }
    }
    if (bench.note) console.log(`  ${bench.note(state)}`);
  } finally {
    await tearDown?.(state);
  }
  return report(times, goal);
}

async function timed(action) {
  const began = performance.now();
  const said = await action();
  return typeof said === 'number' ? said : performance.now() - began;
}

function report(times, goal) {
  for (const [side, list] of Object.entries(times)) {
    console.log(
      `  ${side.padEnd(28)} median ${milliseconds(quantile(list, 0.5))}, min ${milliseconds(Math.min(...list))}, p95 ${milliseconds(quantile(list, 0.95))}, n ${list.length}`,
    );
  }
  const [first, second] = Object.values(times);
  if (second === undefined) return true;
  const ratio = quantile(first, 0.5) / quantile(second, 0.5);
  const verdict = goal === undefined ? '' : ratio <= goal ? ` (goal ≤ ${goal}: met)` : ` (goal ≤ ${goal}: MISSED)`;
  console.log(
    `  ratio of medians ${ratio.toFixed(2)}, of minima ${(Math.min(...first) / Math.min(...second)).toFixed(2)}${verdict}`,
  );
  return goal === undefined || ratio <= goal;
}

function quantile(list, q) {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}
