/** The programs as processes of their own over one place, and the orders to strike them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Integration } from '@rexray/core';
import { connect } from '@rexray/rest-client';
import { type Cleanup, FROM_SOURCES, NODE24, WORKSPACE } from '@rexray/rig';
import { imagesOf } from './open.ts';
import { type Armed, armedFile, pointsFile, type Role } from './program-order.ts';

const TRACE = pathToFileURL(fileURLToPath(new URL('./program-trace.ts', import.meta.url))).href;
const READY_MS = 60_000;

/** YAML is a superset of JSON. */
function configure(home: string): void {
  const config = {
    libstorage: {
      service: 'loop',
      server: { services: { loop: { driver: 'local-loop', 'local-loop': { volumePath: imagesOf(home) } } } },
    },
    rexray: {
      // The suite may run in a mount namespace of its own.
      node: { mountNamespace: '/proc/self' },
      modules: { docker: { type: 'docker', host: `unix://${pluginSocket(home)}` } },
    },
  };
  mkdirSync(join(home, 'etc'), { recursive: true });
  writeFileSync(join(home, 'etc/rexray.yml'), JSON.stringify(config));
}
const pluginSocket = (home: string): string => join(home, 'plugins/rexray.sock');
const traceDir = (home: string): string => join(home, 'trace');

/** A place with its programs. */
export class Programs {
  readonly home: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #cleanup: Cleanup;

  constructor(cleanup: Cleanup, home: string, compiled: string) {
    this.home = home;
    this.#cleanup = cleanup;
    configure(home);
    mkdirSync(traceDir(home), { recursive: true });
    mkdirSync(join(home, 'nothing'), { recursive: true });
    mkdirSync(join(home, 'plugins'), { recursive: true });
    this.#env = {
      PATH: process.env.PATH,
      HOME: home,
      REXRAY_HOME: home,
      DVDCLI_SOCKET_DIR: join(home, 'plugins'),
      DVDCLI_SPEC_DIRS: join(home, 'nothing'),
      DVDCLI_MANAGED_DIR: join(home, 'nothing'),
      NODE_COMPILE_CACHE: compiled,
      NODE_OPTIONS: `--import=${TRACE}`,
      SAFETY_TRACE: traceDir(home),
    };
    cleanup.add(() => endWatchers(home));
  }

  run(package_: 'cli' | 'dvdcli', args: readonly string[], o: { env?: NodeJS.ProcessEnv; cwd?: string } = {}): Running {
    const argv = [...FROM_SOURCES, join(WORKSPACE, `packages/${package_}/src/main.ts`), ...args];
    return new Running(this.#cleanup, argv, { env: { ...this.#env, ...o.env }, cwd: o.cwd ?? '/' });
  }

  async daemon(): Promise<Running> {
    const d = this.run('cli', ['start']);
    for (const end = performance.now() + READY_MS; !d.out.includes('rexray is ready'); ) {
      if (d.over || performance.now() > end) throw new Error(`the daemon is not ready: ${d.out}${d.err}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return d;
  }

  /** The volumes, over `/api/v2`. */
  volumes(): Promise<Integration> {
    const client = connect({ socketPath: join(this.home, 'var/run/rexray.sock') });
    this.#cleanup.add(() => client.close());
    return client.integration();
  }

  /** A call of Docker's. @throws the text of its `Err` */
  docker(call: string, body: object): Promise<Record<string, unknown>> {
    return ask(pluginSocket(this.home), `/VolumeDriver.${call}`, body);
  }

  arm(role: Role, at: number): void {
    writeFileSync(armedFile(traceDir(this.home), role), JSON.stringify({ id: randomUUID(), at } satisfies Armed));
  }
  /** @returns what was counted, and whether the blow fell */
  disarm(role: Role): { readonly points: readonly string[]; readonly struck: boolean } {
    const [armed, points] = [armedFile(traceDir(this.home), role), pointsFile(traceDir(this.home), role)];
    const struck = !existsSync(armed);
    rmSync(armed, { force: true });
    const told = existsSync(points) ? readFileSync(points, 'utf8').trim().split('\n') : [];
    rmSync(points, { force: true });
    return { points: told, struck };
  }
}

function ask(socketPath: string, path: string, body: object): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const q = http.request({ socketPath, path, method: 'POST', agent: false }, (r) => {
      let text = '';
      r.setEncoding('utf8');
      r.on('data', (d: string) => {
        text += d;
      });
      r.once('error', reject);
      r.once('end', () => {
        const answer = JSON.parse(text) as { Err?: string };
        if (answer.Err !== undefined && answer.Err !== '') reject(new Error(answer.Err));
        else resolve(answer);
      });
    });
    q.once('error', reject);
    q.end(JSON.stringify(body));
  });
}

/** A program that runs. */
export class Running {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  out = '';
  err = '';

  constructor(cleanup: Cleanup, argv: readonly string[], o: { env: NodeJS.ProcessEnv; cwd: string }) {
    this.child = spawn(NODE24, argv, { stdio: ['ignore', 'pipe', 'pipe'], ...o });
    this.child.stdout?.on('data', (d: Buffer) => {
      this.out += d.toString();
    });
    this.child.stderr?.on('data', (d: Buffer) => {
      this.err += d.toString();
    });
    this.ended = new Promise((resolve) => this.child.once('exit', resolve));
    cleanup.add(() => this.kill());
  }

  get over(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}

/** Processes that look after the mounts of programs that ended: those of this place only. */
function endWatchers(home: string): void {
  for (const pid of readdirSync('/proc').filter((n) => /^\d+$/.test(n))) {
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      if (line.includes('watcher/main') && line.includes(home)) process.kill(Number(pid), 'SIGKILL');
    } catch {}
  }
}
