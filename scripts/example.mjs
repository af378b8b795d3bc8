/** `npm run example -- 01-embed`: builds, then runs an example in a temporary directory, with a REXRAY_HOME of its own there. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, fail, install, ROOT, requireNode, run } from './setup.mjs';

requireNode();
const [name, ...args] = process.argv.slice(2);
const all = readdirSync(join(ROOT, 'examples')).filter((d) => existsSync(join(ROOT, 'examples', d, 'src/main.ts')));
const chosen = all.find((d) => d === name);
if (chosen === undefined) fail(`Which one? npm run example -- <name>; there are: ${all.join(', ')}.`);
await install();
if ((await build([`./examples/${chosen}...`])).status !== 0) fail('The build failed.');

const home = mkdtempSync(join(tmpdir(), 'rexray-example-'));
try {
  const file = join(ROOT, 'examples', chosen, 'dist/main.js');
  const { status } = await run(process.execPath, [file, ...args], { cwd: home, env: { REXRAY_HOME: home } });
  process.exitCode = status;
} finally {
  rmSync(home, { recursive: true, force: true });
}
