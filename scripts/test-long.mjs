/**
 * `npm run test:long -- <suite>`: suites that take too long for every change. A long suite is a file `<suite>.long.test.ts`
 * below a `test/` directory; its first comment says what it does. The name of that package's directory (`safety`) takes all of
 * its suites. Without a name this lists them.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { bin, build, fail, install, ROOT, requireNode, workspacePackages } from './setup.mjs';
import { vitest } from './vitest-run.mjs';

const SUFFIX = '.long.test.ts';

function suites() {
  return workspacePackages().flatMap(({ dir }) => {
    const at = join(ROOT, dir, 'test');
    if (!existsSync(at)) return [];
    const files = readdirSync(at, { recursive: true }).filter((f) => f.endsWith(SUFFIX));
    return files.map((f) => ({
      name: basename(f, SUFFIX),
      group: basename(dir),
      file: join(dir, 'test', f),
      does: purpose(join(at, f)),
    }));
  });
}

function purpose(file) {
  const comment = /^\/\*\*([\s\S]*?)\*\//.exec(readFileSync(file, 'utf8'))?.[1] ?? '';
  return comment
    .replace(/^\s*\* ?/gm, '')
    .trim()
    .replace(/\s+/g, ' ');
}

requireNode();
const [wanted, ...args] = process.argv.slice(2);
const all = suites();
if (wanted === undefined) {
  console.log(all.length === 0 ? 'There are no long suites yet.' : 'Long suites (npm run test:long -- <suite>):');
  for (const s of all) console.log(`  ${s.name.padEnd(24)} ${s.does}`);
  process.exit(0);
}
const chosen = all.filter((s) => s.name === wanted || s.group === wanted);
if (chosen.length === 0)
  fail(`No long suite is called ${wanted}. There are: ${all.map((s) => s.name).join(', ') || 'none'}.`);
if (!existsSync(bin('vitest'))) await install();
if ((await build()).status !== 0) fail('The build failed.');
const result = await vitest('long', ['--no-file-parallelism', ...chosen.map((s) => s.file), ...args]);
for (const f of result.failures) console.log(`failed: ${f}`);
console.log(`${result.passed} passed, ${result.failed} failed, ${result.skipped.length} skipped`);
process.exitCode = result.failed === 0 ? 0 : 1;
