/**
 * `node build.mjs`: the program as `dist/rexray.cjs`, `dist/program.cjs` and, for listings, `dist/quick.cjs`, and `bin/rexray` at the root of the workspace.
 *
 * In them is what a command needs that the daemon answers: the parser, the commands, the client. What works in this
 * process (the runtime, the daemon, commands about the machine) stays as modules of their own and is loaded when it is used.
 */
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const HERE = dirname(fileURLToPath(import.meta.url));
const SRC = join(HERE, 'src');
/** Modules that are loaded by `import()` and still belong into the file. */
const INSIDE =
  /^\.\/(template\/run|commands\/(version|volume|volume-ls|volume-format|snapshot|holder|node|service))\.ts$/;

const LATE = /^node:(crypto|https|tls|child_process|fs\/promises)$/;

const rules = {
  name: 'what a command needs that the daemon answers',
  setup(b) {
    b.onResolve({ filter: /./ }, async ({ path, kind, importer, resolveDir, pluginData }) => {
      if (pluginData === 'asked' || kind === 'entry-point' || isBuiltin(path)) return undefined;
      if (kind === 'dynamic-import' && path !== 'commander') {
        const file = path.startsWith('.') ? `./${relative(SRC, join(resolveDir, path))}` : path;
        // A file of its own, so that `rexray version` does not read what it does not run.
        if (file === './program.ts') return { path: './program.cjs', external: true };
        if (file === './quick/listing.ts') return { path: './quick.cjs', external: true };
        if (!INSIDE.test(file)) return { path: file.replace(/\.ts$/, '.js'), external: true };
      }
      const found = await b.resolve(path, { kind, importer, resolveDir, pluginData: 'asked' });
      // Only what is used: the schemas of core and the rest of the runtime are not.
      return /^@rexray\//.test(path) || /\/packages\/(core|rest-client|runtime)\//.test(importer)
        ? { ...found, sideEffects: false }
        : found;
    });
    // Node modules that a command on the daemon's socket never needs are loaded where one of their names is used.
    b.onResolve({ filter: LATE }, ({ path }) => ({ path, namespace: 'late' }));
    b.onLoad({ filter: /./, namespace: 'late' }, async ({ path }) => {
      const names = Object.keys(await import(path)).filter((n) => n !== 'default' && n !== 'module.exports');
      const lines = names.map((n) => `${n}: { enumerable: true, get: () => m().${n} }`);
      return {
        contents: `const m = () => require(${JSON.stringify(`${path}?`)}.slice(0, -1));\nObject.defineProperties(exports, {${lines.join(', ')}});`,
        loader: 'js',
      };
    });
    // A client looks only whether a route has a body, never at its schema; typebox alone would cost more than a call.
    b.onLoad({ filter: /rest-client\/src\/[a-z]+-schemas\.ts$/ }, ({ path }) => {
      const names = [...readFileSync(path, 'utf8').matchAll(/^export const (\w+)/gm)].map((m) => m[1]);
      return { contents: names.map((n) => `export const ${n} = {};`).join('\n'), loader: 'js' };
    });
  },
};

const { version } = JSON.parse(readFileSync(join(HERE, 'package.json'), 'utf8'));
const file = join(HERE, 'dist/rexray.cjs');
const { metafile } = await build({
  entryPoints: { rexray: join(SRC, 'main.ts'), program: join(SRC, 'program.ts'), quick: join(SRC, 'quick/listing.ts') },
  outdir: join(HERE, 'dist'),
  outExtension: { '.js': '.cjs' },
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20.19',
  conditions: ['@rexray/source'],
  // Only the sources look for their package beside them.
  define: { REXRAY_VERSION: JSON.stringify(version), 'import.meta.url': '"file:///"' },
  minify: true,
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
  plugins: [rules],
});
// `import()` of a file that `require` can read would start the loader of ES modules for nothing.
let text = readFileSync(file, 'utf8');
for (const part of ['./program.cjs', './quick.cjs']) {
  const lazily = text.replace(`import("${part}")`, `Promise.resolve().then(()=>require("${part}"))`);
  if (lazily === text) throw new Error(`dist/rexray.cjs does not load ${part}`);
  text = lazily;
}
writeFileSync(file, text);
chmodSync(file, 0o755);
const root = join(HERE, '../..');
// Installed from a tarball there is no workspace.
if (existsSync(join(root, 'pnpm-workspace.yaml'))) {
  const at = join(root, 'bin/rexray');
  mkdirSync(dirname(at), { recursive: true });
  rmSync(at, { force: true });
  symlinkSync(relative(dirname(at), file), at);
}
const out = Object.values(metafile.outputs).sort((a, b) => b.bytes - a.bytes)[0];
if (process.argv.includes('--inputs'))
  for (const [name, { bytesInOutput }] of Object.entries(out.inputs)
    .sort((a, b) => b[1].bytesInOutput - a[1].bytesInOutput)
    .slice(0, 40))
    console.log(bytesInOutput, name);
for (const [name, { bytes }] of Object.entries(metafile.outputs))
  console.log(`${name}: ${(bytes / 1024).toFixed(1)} KiB`);
