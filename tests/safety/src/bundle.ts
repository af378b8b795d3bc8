/** The programs that are killed, each as one file: hundreds of them are started, and compiling the sources takes longest. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Cleanup, NODE24 } from '@rexray/rig';
import { build } from 'esbuild';

export interface Bundle {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Packages with binaries stay what they are; where each is a dependency. */
const NATIVE = { koffi: '@rexray/kernel', lmdb: '@rexray/store-lmdb' } as const;
const require = createRequire(import.meta.url);
const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

function linkNative(modules: string): void {
  mkdirSync(join(modules, '@rexray'), { recursive: true });
  for (const [name, owner] of Object.entries(NATIVE)) {
    const manifest = require.resolve(`${owner}/package.json`);
    const file = createRequire(manifest).resolve(name);
    symlinkSync(file.slice(0, file.lastIndexOf(`/${name}/`) + name.length + 1), join(modules, name));
    symlinkSync(dirname(manifest), join(modules, owner));
  }
}

/** Bundles one program of this directory, with the host's worker process beside it. @param entry file name */
export async function bundle(
  cleanup: Cleanup,
  entry: './kill-main.ts' | './audit-main.ts' | './loops-main.ts' | './soak-main.ts' | './uuid-main.ts',
): Promise<Bundle> {
  const dir = cleanup.tempDir('rexray-bundle-');
  linkNative(join(dir, 'node_modules'));
  writeFileSync(join(dir, 'package.json'), '{"type":"module"}');
  const host = join(dirname(require.resolve('@rexray/host-linux/package.json')), 'src/worker-main.ts');
  await build({
    // The worker is looked for one directory above whoever starts it.
    entryPoints: { 'main/main': here(entry), 'main/trace': here('./worker-trace.ts'), 'worker-main': host },
    outdir: dir,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['@rexray/source'],
    external: Object.keys(NATIVE),
    logLevel: 'error',
    banner: { js: "import{createRequire as makeRequire}from'node:module';const require=makeRequire(import.meta.url);" },
  });
  return {
    program: NODE24,
    args: [join(dir, 'main/main.js')],
    env: { NODE_COMPILE_CACHE: join(dir, 'cache'), SAFETY_WORKER_TRACE: join(dir, 'main/trace.js') },
  };
}
