/** Part of the build: packs typebox into dist/typebox.js, with its license. The declarations go on naming the package. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const home = join(import.meta.dirname, 'node_modules/typebox');
const license = readFileSync(join(home, 'license'), 'utf8').replaceAll('*/', '');
await build({
  entryPoints: ['dist/typebox.js'],
  outfile: 'dist/typebox.js',
  allowOverwrite: true,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  banner: { js: `/*! typebox ${JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')).version}\n${license}\n*/` },
});
