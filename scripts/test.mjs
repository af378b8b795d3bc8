/**
 * `npm test`: everything that says whether this tree is sound, from a fresh clone that has Node and npm only.
 * `npm test -- unit root` runs the named phases; `npm test -- --list` names them. Under CI=true a skipped required suite fails.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { missingPrograms } from './programs.mjs';
import { bin, build, duration, fail, install, requireNode, run, turbo } from './setup.mjs';
import { OUT, vitest } from './vitest-run.mjs';

const CI = process.env.CI === 'true';
const node = (script, ...args) => run(process.execPath, [`scripts/${script}`, ...args]);

/** Vitest leaves one core to itself: on two cores its tests would run one file after the other. */
const UNIT_WORKERS = Math.max(2, availableParallelism() - 1);

/** Each phase answers an exit status, or the counts of a vitest project. */
const PHASES = {
  build: () => build(),
  typecheck: () => turbo('typecheck'),
  format: () => run(bin('biome'), ['check', '.']),
  imports: () => node('lint-imports.mjs'),
  knip: () => run(bin('knip'), ['--no-progress']),
  publint: () => node('publint-all.mjs'),
  unit: () => vitest('unit', [`--maxWorkers=${UNIT_WORKERS}`]),
  root: () => vitest('root', ['--no-file-parallelism']),
};

requireNode();
const asked = process.argv.slice(2);
if (asked.includes('--list')) {
  console.log(Object.keys(PHASES).join('\n'));
  process.exit(0);
}
const unknown = asked.filter((name) => !Object.hasOwn(PHASES, name));
if (unknown.length > 0) fail(`No phase is called ${unknown.join(', ')}. There are: ${Object.keys(PHASES).join(', ')}.`);

tellMissing();
const results = [];
await phase('install', async () => {
  await install();
  return { status: 0 };
});
for (const [name, action] of Object.entries(PHASES)) {
  if (asked.length === 0 || asked.includes(name)) await phase(name, action);
}
process.exitCode = summary() ? 0 : 1;

function tellMissing() {
  const missing = missingPrograms();
  if (process.getuid?.() !== 0) console.log('Not root: suites that mount and use loop devices are skipped.');
  if (missing.length === 0) return;
  console.log('Programs that are missing; suites that need one are skipped (with CI=true they fail):');
  for (const [program, pkg] of missing) console.log(`  ${program}   apt-get install ${pkg}`);
}

async function phase(name, action) {
  console.log(`\n── ${name}`);
  const began = performance.now();
  const result = await action();
  const ms = performance.now() - began;
  results.push({
    name,
    ms,
    passed: 0,
    skipped: [],
    failures: result.status === 0 ? [] : [`${name} failed`],
    ...result,
  });
  console.log(`── ${name}: ${duration(ms)}`);
}

/** Checks that are not tests count when they fail, so that the last line never says 0 failed for a red run. */
function summary() {
  const skipped = results.flatMap((r) => r.skipped);
  const failures = results.flatMap((r) => r.failures);
  // A reason that begins so names a missing requirement (tests/rig); any other is a written reason of the suite.
  const required = CI ? skipped.filter((s) => s.why?.startsWith('needs ')) : [];
  failures.push(...required.map((s) => `${s.file}: ${s.name}: ${s.why}; under CI it must run`));
  console.log('\n── phases');
  for (const r of results)
    console.log(`  ${r.failures.length === 0 ? 'ok  ' : 'FAIL'} ${r.name.padEnd(10)} ${duration(r.ms)}`);
  if (skipped.length > 0) console.log('\n── skipped, and why');
  for (const line of skippedLines(skipped)) console.log(`  ${line}`);
  if (failures.length > 0) console.log('\n── failed');
  for (const f of failures) console.log(`  ${f}`);
  const passed = results.reduce((n, r) => n + r.passed, 0);
  const counts = `${passed} passed, ${failures.length} failed, ${skipped.length - required.length} skipped`;
  mkdirSync(OUT, { recursive: true });
  writeFileSync(join(OUT, 'counts.txt'), `${counts}\n`);
  console.log(`\n${counts}`);
  return failures.length === 0;
}

/** One line for each reason in a file. */
function skippedLines(skipped) {
  const lines = new Map();
  for (const { name, file, why } of skipped) {
    const key = `${file}: ${why ?? `${name} (no reason given)`}`;
    lines.set(key, (lines.get(key) ?? 0) + 1);
  }
  return [...lines].map(([key, n]) => `${key} (${n} ${n === 1 ? 'test' : 'tests'})`);
}
