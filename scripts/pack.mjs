/** `node scripts/pack.mjs <directory>`: installs and builds what changed, then packs every publishable package there as a tarball. Prints one path a line. */
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { build, fail, install, pnpm, requireNode } from './setup.mjs';

const PUBLISHED = ['./packages/*', './plugins/*'];

/** @returns {Promise<Record<string, string>>} package name → tarball */
export async function packAll(directory) {
  const to = resolve(directory);
  mkdirSync(to, { recursive: true });
  if ((await build(PUBLISHED)).status !== 0) throw new Error('The build failed: nothing was packed.');
  const filters = PUBLISHED.flatMap((f) => ['--filter', f]);
  const args = ['--recursive', ...filters, '--silent', 'pack', '--json', '--pack-destination', to];
  const { status, text } = await pnpm(args, { output: 'capture' });
  const start = text.indexOf('[\n');
  if (status !== 0 || start === -1) throw new Error(`pnpm pack ended with status ${status}: ${text}`);
  const packed = JSON.parse(text.slice(start, text.lastIndexOf(']') + 1));
  return Object.fromEntries(packed.map((p) => [p.name, p.filename]));
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  requireNode();
  const directory = argv[2] ?? fail('Where to? node scripts/pack.mjs <directory>');
  await install();
  for (const file of Object.values(await packAll(directory))) console.log(file);
}
