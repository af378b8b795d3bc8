import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type RestClient } from '@rexray/rest-client';
import { type Cleanup, FROM_SOURCES, NODE24, WORKSPACE } from '@rexray/rig';
import { stringify } from 'yaml';
import { run } from '../src/index.ts';

export const MAIN = join(WORKSPACE, 'packages/cli/src/main.ts');
export type Config = Readonly<Record<string, unknown>>;
export interface Ran {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** A machine's worth of directories, with its configuration file. */
export class Home {
  readonly dir: string;
  readonly env: Readonly<Record<string, string>>;

  constructor(cleanup: Cleanup, config: Config, env: Readonly<Record<string, string>> = {}) {
    this.dir = cleanup.tempDir('rxc-');
    mkdirSync(join(this.dir, 'etc'));
    this.env = { PATH: process.env.PATH ?? '', HOME: this.dir, REXRAY_HOME: this.dir, ...env };
    this.configure(config);
  }

  get file(): string {
    return join(this.dir, 'etc/rexray.yml');
  }
  get socket(): string {
    return join(this.dir, 'var/run/rexray.sock');
  }

  configure(config: Config | string): void {
    writeFileSync(this.file, typeof config === 'string' ? config : stringify(config));
  }

  /** A command in this very process: as fast as it gets, and through the same door. */
  async rexray(...argv: readonly string[]): Promise<Ran> {
    let out = '';
    let err = '';
    const status = await run(argv, {
      out: (t) => {
        out += t;
      },
      err: (t) => {
        err += t;
      },
      env: this.env,
      tty: false,
      signal: new AbortController().signal,
    });
    return { status, out, err };
  }
}

export interface Line {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** `rexray start` as a process of its own. */
export class DaemonProcess {
  readonly child: ChildProcess;
  readonly home: Home;
  readonly ended: Promise<number | null>;
  out = '';
  err = '';

  constructor(
    cleanup: Cleanup,
    home: Home,
    o: {
      argv?: readonly string[];
      uid?: number;
      env?: object;
      /** Words before the command: where it runs. */
      enter?: readonly string[] | undefined;
    } = {},
  ) {
    this.home = home;
    const argv = [...(o.enter ?? []), NODE24, ...FROM_SOURCES, MAIN, ...(o.argv ?? ['start'])];
    this.child = spawn(argv[0] ?? NODE24, argv.slice(1), {
      env: { ...home.env, ...o.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: '/',
      ...(o.uid !== undefined && { uid: o.uid, gid: o.uid }),
    });
    this.child.stdout?.on('data', (d: Buffer) => {
      this.out += d.toString();
    });
    this.child.stderr?.on('data', (d: Buffer) => {
      this.err += d.toString();
    });
    this.ended = new Promise((resolve) => this.child.once('exit', resolve));
    cleanup.add(async () => {
      this.child.kill('SIGKILL');
      await this.ended;
    });
  }

  get lines(): readonly Line[] {
    return this.out
      .split('\n')
      .filter((l) => l.startsWith('{'))
      .map((l) => JSON.parse(l) as Line);
  }

  /** When a line says so. */
  async says(what: string | RegExp, ms = 30_000): Promise<Line> {
    const fits = (l: Line): boolean => (typeof what === 'string' ? l.msg.includes(what) : what.test(JSON.stringify(l)));
    return eventually(
      () => this.lines.find(fits),
      () => `the daemon did not say ${what}: ${this.out}${this.err}`,
      ms,
    );
  }

  ready(): Promise<Line> {
    return Promise.race([
      this.says('is ready'),
      this.ended.then((code) => {
        throw new Error(`the daemon ended with ${code}: ${this.out}${this.err}`);
      }),
    ]);
  }

  client(cleanup: Cleanup): RestClient {
    const client = connect({ socketPath: this.home.socket });
    cleanup.add(() => client.close());
    return client;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.child.kill(signal);
    return this.ended;
  }
}

export async function daemon(cleanup: Cleanup, home: Home, enter?: readonly string[]): Promise<DaemonProcess> {
  const d = new DaemonProcess(cleanup, home, { enter });
  await d.ready();
  return d;
}

export async function eventually<T>(
  look: () => T | undefined | Promise<T | undefined>,
  why: () => string,
  ms = 20_000,
): Promise<T> {
  for (const end = performance.now() + ms; ; ) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > end) throw new Error(why());
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** No test serves Docker of the machine that it runs on. */
const NO_DEFAULT = { modules: { none: { type: 'rest', disabled: true } } };

export const services = (all: Readonly<Record<string, Config>>, fallback = Object.keys(all)[0]): Config => ({
  libstorage: { service: fallback, server: { services: all } },
  rexray: NO_DEFAULT,
});

/** A port of the loopback interface that nobody has now. */
export async function freePort(): Promise<number> {
  const { createServer } = await import('node:net');
  const s = createServer();
  await new Promise<void>((resolve) => s.listen(0, '127.0.0.1', resolve));
  const { port } = s.address() as { port: number };
  await new Promise((resolve) => s.close(resolve));
  return port;
}
