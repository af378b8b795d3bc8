import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Cleanup, FROM_SOURCES, NODE24, WORKSPACE } from '@rexray/rig';
import { afterAll, beforeAll, vi } from 'vitest';

/** How the program is run: the single file on a Node, or the sources on Node 24 (they find the sources of the other packages). */
export interface Program {
  readonly file: string;
  readonly args: readonly string[];
}

// Most of a test is starts of programs: on a machine with other work each takes seconds.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let bundled: string | undefined;
let made: string | undefined;
/** Compiled sources of the children: half of what their start costs. */
const compiled = mkdtempSync(join(tmpdir(), 'dvdcli-compiled-'));
// Before the tests, whose time it is not.
beforeAll(() => void bundleOn());
afterAll(() => {
  for (const dir of [made, compiled]) if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
  [bundled, made] = [undefined, undefined];
});

/** The single file, made from the sources as they are now; once a test process. */
function singleFile(): string {
  const dir = mkdtempSync(join(tmpdir(), 'dvdcli-file-'));
  made = dir;
  const file = join(dir, 'dvdcli.cjs');
  execFileSync(process.execPath, [join(WORKSPACE, 'packages/dvdcli/build.mjs'), file], { stdio: 'ignore' });
  return file;
}

export function bundleOn(node = process.execPath): Program {
  bundled ??= singleFile();
  return { file: node, args: [bundled] };
}

export const fromSources: Program = {
  file: NODE24,
  args: [...FROM_SOURCES, join(WORKSPACE, 'packages/dvdcli/src/main.ts')],
};

export interface Ran {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
  readonly ms: number;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** Sent when this says so. */
  readonly kill?: { readonly signal: NodeJS.Signals; readonly when: Promise<unknown> };
  readonly again?: RunOptions['kill'];
  readonly timeoutMs?: number;
  readonly cwd?: string;
}

export class Dvdcli {
  readonly #program: Program;
  readonly #env: Readonly<Record<string, string>>;

  constructor(program: Program, env: Readonly<Record<string, string>>) {
    this.#program = program;
    this.#env = env;
  }

  /** As Mesos runs it: no shell, standard input is /dev/null, both outputs are pipes, killed after 120 s. */
  run(args: readonly string[], o: RunOptions = {}): Promise<Ran> {
    const { file, args: first } = this.#program;
    return collect(file, [...first, ...args], this.#with(o));
  }

  /** As mesos-module-dvdi runs it: one text through a shell; standard error is not read. */
  shell(command: (program: string) => string, o: RunOptions = {}): Promise<Ran> {
    const program = [this.#program.file, ...this.#program.args].join(' ');
    return collect('/bin/sh', ['-c', command(program)], this.#with(o));
  }

  #with = (o: RunOptions): RunOptions => ({ ...o, env: { ...this.#env, ...o.env } });
}

function collect(file: string, args: readonly string[], o: RunOptions): Promise<Ran> {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      stdio: [o.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: compiled, ...o.env },
      timeout: o.timeoutMs ?? 120_000,
      killSignal: 'SIGKILL',
      ...(o.cwd !== undefined && { cwd: o.cwd }),
    });
    let [out, err] = ['', ''];
    child.stdout?.on('data', (d: Buffer) => {
      out += d.toString();
    });
    child.stderr?.on('data', (d: Buffer) => {
      err += d.toString();
    });
    child.stdin?.end(o.input);
    for (const k of [o.kill, o.again]) void k?.when.then(() => child.kill(k.signal));
    child.on('error', reject);
    child.on('close', (status, signal) => resolve({ status, signal, out, err, ms: performance.now() - began }));
  });
}

/** Directories of discovery below a temporary one, and a home of REX-Ray: nothing of this machine is seen. */
export function surroundings(cleanup: Cleanup): {
  dir: string;
  home: string;
  sockets: string;
  specs: string;
  managed: string;
  env: Record<string, string>;
} {
  const dir = cleanup.tempDir('dvdcli-');
  const [home, sockets, specs, managed] = ['home', 'run', 'etc', 'docker'].map((n) => join(dir, n)) as [
    string,
    string,
    string,
    string,
  ];
  return {
    dir,
    home,
    sockets,
    specs,
    managed,
    env: { REXRAY_HOME: home, DVDCLI_SOCKET_DIR: sockets, DVDCLI_SPEC_DIRS: specs, DVDCLI_MANAGED_DIR: managed },
  };
}
