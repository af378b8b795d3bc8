import { chmodSync, chownSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Cleanup, type JsRuntime, WORKSPACE, workspaceBin } from '@rexray/rig';
import { execa } from 'execa';

export interface Ran {
  readonly said: string;
  /** Mounts that are still there. */
  readonly left: readonly string[];
  readonly home: string;
}

/** A project of somebody else: an empty folder outside the workspace, with the packed tarballs installed by npm. */
export class PackedFolder {
  readonly #cleanup: Cleanup;
  readonly path: string;
  readonly tarballs: readonly string[];

  private constructor(cleanup: Cleanup, path: string, tarballs: readonly string[]) {
    this.#cleanup = cleanup;
    this.path = path;
    this.tarballs = tarballs;
  }

  static async make(cleanup: Cleanup): Promise<PackedFolder> {
    const dir = cleanup.tempDir('rexray-packed-');
    const o = { cwd: WORKSPACE, timeout: 240_000, stdin: 'ignore' } as const;
    const packed = await execa(process.execPath, ['scripts/pack.mjs', join(dir, 'tarballs')], o);
    const tarballs = packed.stdout.split('\n').filter((line) => line.endsWith('.tgz'));
    const app = join(dir, 'app');
    mkdirSync(app);
    writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'embedder', private: true, type: 'module' }));
    const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];
    await execa('npm', ['install', ...flags, ...tarballs], { ...o, cwd: app });
    return new PackedFolder(cleanup, app, tarballs);
  }

  write(file: string, text: string): string {
    const at = join(this.path, file);
    mkdirSync(join(at, '..'), { recursive: true });
    writeFileSync(at, text);
    return at;
  }

  /** Runs a file in a working directory of its own, which is HOME too; as another user, REX-Ray's places are below that. */
  async run(runtime: JsRuntime, file: string, o: { uid?: number } = {}): Promise<Ran> {
    const home = this.#cleanup.tempDir('rexray-home-');
    const { uid } = o;
    if (uid !== undefined) {
      chownSync(home, uid, uid);
      for (const dir of [this.path, join(this.path, '..')]) chmodSync(dir, 0o755);
    }
    const result = await execa(runtime.program, [...runtime.args(), join(this.path, file)], {
      cwd: home,
      timeout: 30_000,
      stdin: 'ignore',
      all: true,
      env: { HOME: home, DENO_NO_UPDATE_CHECK: '1', ...(uid === undefined && { REXRAY_HOME: home }) },
      ...(uid !== undefined && { uid, gid: uid }),
    });
    const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
    return { said: result.all, left: mounts.filter((line) => line.includes(home)), home };
  }

  /** Compiles TypeScript files here against the packed types, into `built/`. @returns what the compiler says; empty = no error */
  async compile(...files: string[]): Promise<string> {
    const compilerOptions = {
      target: 'es2022',
      lib: ['es2023', 'esnext.disposable'],
      module: 'nodenext',
      allowImportingTsExtensions: true,
      rewriteRelativeImportExtensions: true,
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      types: ['node'],
      typeRoots: [join(WORKSPACE, 'node_modules/@types')],
      rootDir: '.',
      outDir: 'built',
    };
    this.write('tsconfig.json', JSON.stringify({ compilerOptions, files }));
    const tsc = await execa(workspaceBin('tsc'), ['-p', '.'], { cwd: this.path, timeout: 120_000, reject: false });
    return tsc.exitCode === 0 ? '' : `tsc ended with ${tsc.exitCode}: ${tsc.stdout}`;
  }

  /** Copies a directory of the workspace. */
  copy(from: string, to: string): void {
    cpSync(join(WORKSPACE, from), join(this.path, to), { recursive: true });
  }

  /** Builds a package of the workspace into this folder as a third party's, with a copy of core that is its own. */
  async installWithOwnCore(dir: string): Promise<void> {
    const from = join(WORKSPACE, dir);
    const json = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8')) as { name: string };
    const to = join(this.path, 'node_modules', json.name);
    const args = ['-p', 'tsconfig.build.json', '--outDir', join(to, 'dist')];
    await execa(workspaceBin('tsc'), args, { cwd: from, timeout: 60_000 });
    cpSync(join(from, 'package.json'), join(to, 'package.json'));
    cpSync(join(this.path, 'node_modules/@rexray/core'), join(to, 'node_modules/@rexray/core'), { recursive: true });
  }
}
