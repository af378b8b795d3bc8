import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Cleanup, type JsRuntime, WORKSPACE, workspaceBin } from '@rexray/rig';
import { execa } from 'execa';

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

  /** An own REXRAY_HOME and an own working directory for a run, so that runs do not see each other. */
  async run(runtime: JsRuntime, file: string, o: { args?: readonly string[]; uid?: number } = {}): Promise<string> {
    const home = this.#cleanup.tempDir('rexray-home-');
    const result = await execa(runtime.program, [...runtime.args(), join(this.path, file), ...(o.args ?? [])], {
      cwd: home,
      timeout: 60_000,
      stdin: 'ignore',
      all: true,
      env: { REXRAY_HOME: home, HOME: home, DENO_NO_UPDATE_CHECK: '1' },
      ...(o.uid !== undefined && { uid: o.uid, gid: o.uid }),
    });
    return result.all;
  }

  /** Compiles TypeScript files here against the packed types, into `built/`. @throws with the compiler's words */
  async compile(...files: string[]): Promise<void> {
    const compilerOptions = {
      target: 'es2022',
      lib: ['es2023', 'esnext.disposable'],
      module: 'nodenext',
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      types: ['node'],
      typeRoots: [join(WORKSPACE, 'node_modules/@types')],
      rootDir: '.',
      outDir: 'built',
    };
    this.write('tsconfig.json', JSON.stringify({ compilerOptions, files }));
    const tsc = await execa(workspaceBin('tsc'), ['-p', '.'], { cwd: this.path, timeout: 60_000, reject: false });
    if (tsc.exitCode !== 0) throw new Error(`tsc: ${tsc.stdout}`);
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
