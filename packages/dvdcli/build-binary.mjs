/**
 * `node build-binary.mjs` (`npm run build:binaries` at the root): the single file compiled with Bun to a program that needs
 * no Node. Bun comes from npm for this one use, into a temporary directory.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const BUN = '1.4.4';
const HERE = dirname(fileURLToPath(import.meta.url));
const FILE = join(HERE, 'dist/dvdcli.cjs');
const OUT = join(HERE, '../../bin/dvdcli-static');

const platform = { 'linux x64': 'linux-x64', 'linux arm64': 'linux-aarch64' }[`${process.platform} ${process.arch}`];
if (platform === undefined) throw new Error(`No binary for ${process.platform} on ${process.arch}.`);
if (!existsSync(FILE)) throw new Error(`${FILE} is missing: run "npm run build" first.`);
const dir = mkdtempSync(join(tmpdir(), 'dvdcli-bun-'));
const run = (program, ...args) => execFileSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'], cwd: dir });
try {
  const pkg = `@oven/bun-${platform}`;
  run('npm', 'install', '--no-save', '--no-audit', '--no-fund', '--ignore-scripts', '--prefix', dir, `${pkg}@${BUN}`);
  mkdirSync(dirname(OUT), { recursive: true });
  const bun = join(dir, 'node_modules', pkg, 'bin/bun');
  // Away from its neighbours: the path without a plugin needs native modules that cannot be compiled in.
  copyFileSync(FILE, join(dir, 'dvdcli.cjs'));
  const external = ['--external', './here/index.js', '--external', '*/here/index.js'];
  run(bun, 'build', '--compile', '--bytecode', '--minify', ...external, join(dir, 'dvdcli.cjs'), '--outfile', OUT);
  console.log(`${OUT}: ${(statSync(OUT).size / 2 ** 20).toFixed(0)} MiB`);
} finally {
  rmSync(dir, { recursive: true, force: true });
}
