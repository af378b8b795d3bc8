/** `node build.mjs [file]`: the single file, without dependencies; without an argument `dist/dvdcli.cjs`, and `bin/dvdcli` at the root of the workspace. */
import { chmodSync, existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const HERE = dirname(fileURLToPath(import.meta.url));

/** What goes into the file is what the plugin path needs: all else of core is dropped, and the other path stays a file of its own. */
const rules = {
  name: 'plugin path only',
  setup(b) {
    b.onResolve({ filter: /^@rexray\/core/ }, async ({ path, kind, importer, resolveDir, pluginData }) => {
      if (pluginData === 'asked') return undefined;
      const found = await b.resolve(path, { kind, importer, resolveDir, pluginData: 'asked' });
      return { ...found, sideEffects: false };
    });
    b.onResolve({ filter: /^\./ }, async ({ path, kind, importer, resolveDir, pluginData }) => {
      if (pluginData === 'asked') return undefined;
      if (path === './here/index.ts') return { path: './here/index.js', external: true };
      const found = await b.resolve(path, { kind, importer, resolveDir, pluginData: 'asked' });
      return importer.includes('/core/src/') ? { ...found, sideEffects: false } : found;
    });
  },
};

/** @param {string} outfile */
async function bundle(outfile) {
  const { metafile } = await build({
    entryPoints: [join(HERE, 'src/main.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20.19',
    conditions: ['@rexray/source'],
    minify: true,
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
    plugins: [rules],
  });
  chmodSync(outfile, 0o755);
  return Object.values(metafile.outputs)[0];
}

function link(file, name) {
  const root = join(HERE, '../..');
  // Installed from a tarball there is no workspace.
  if (!existsSync(join(root, 'pnpm-workspace.yaml'))) return;
  const at = join(root, 'bin', name);
  mkdirSync(dirname(at), { recursive: true });
  rmSync(at, { force: true });
  symlinkSync(relative(dirname(at), file), at);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const elsewhere = process.argv[2];
  const file = elsewhere ?? join(HERE, 'dist/dvdcli.cjs');
  const { bytes } = await bundle(file);
  if (elsewhere === undefined) link(file, 'dvdcli');
  console.log(`${file}: ${(bytes / 1024).toFixed(1)} KiB`);
}
