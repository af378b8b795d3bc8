import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { describe } from 'vitest';
import type { Cleanup } from './cleanup.ts';
import { missing } from './requires.ts';

const INSTALLED = '/opt/rexray-test/virtualbox';
const LIB = '/usr/lib/virtualbox';
const NEEDS = `needs VirtualBox in ${INSTALLED} (as root: tests/rig/src/virtualbox-install.sh, which brings Debian sid's)`;
/** Written by .ci/run when the distribution cannot give the packages today. */
const UNAVAILABLE = process.env.REXRAY_VIRTUALBOX_UNAVAILABLE ?? '';

/** A suite on the real VirtualBox: skipped by name where it is missing, and a failure there under CI, unless it cannot be had today. */
export function virtualboxSuite(name: string, body: () => void): void {
  const why =
    missing({ root: true, programs: { flock: 'util-linux' } }) ??
    (existsSync(`${INSTALLED}${LIB}/VBoxSVC`) ? undefined : NEEDS);
  if (why === undefined) describe(name, body);
  else if (UNAVAILABLE !== '') describe.skip(`${name} [skipped: upstream: ${UNAVAILABLE}]`, body);
  else if (process.env.CI === 'true') {
    describe(name, () => {
      throw new Error(`${name}: ${why}; under CI this suite must run`);
    });
  } else describe.skip(`${name} [skipped: ${why}]`, body);
}

/** How long VBoxManage of a process that was killed may go on. */
const LOCK_MS = 20_000;
const START_MS = 60_000;
const COMMAND_MS = 60_000;
const run = promisify(execFile);

export interface VirtualBoxOptions {
  /** Where vboxwebsrv listens; default a free port of loopback. */
  readonly address?: string;
  readonly port?: number;
  /** Process in whose network namespace vboxwebsrv runs. */
  readonly networkOf?: number;
  /** Seconds after which vboxwebsrv forgets an idle session; default its own, 300. */
  readonly sessionSeconds?: number;
  /** Check names and passwords as the host's users have them (there are none in it). */
  readonly authentication?: boolean;
}

/**
 * A VirtualBox of its own: VBoxSVC, vboxwebsrv and VBoxManage in a root directory that holds nothing else, so that several
 * run side by side. Without its kernel module no machine starts; everything else is real.
 */
export class VirtualBox {
  readonly root: string;
  /** Stands for the program VBoxManage. */
  readonly vboxManage: string;
  readonly #options: VirtualBoxOptions;
  #web: ChildProcess | undefined;
  #port: number;
  readonly #log: string;

  private constructor(dir: string, port: number, o: VirtualBoxOptions) {
    this.root = join(dir, 'root');
    this.vboxManage = join(dir, 'VBoxManage');
    this.#log = join(dir, 'vboxwebsrv.log');
    this.#options = o;
    this.#port = port;
  }

  static async start(cleanup: Cleanup, o: VirtualBoxOptions = {}): Promise<VirtualBox> {
    const vb = new VirtualBox(cleanup.tempDir('rexray-vbox-'), o.port ?? (await freePort()), o);
    cleanup.add(() => vb.#stop());
    vb.#makeRoot();
    await vb.manage('setproperty', 'websrvauthlibrary', o.authentication === true ? 'VBoxAuth' : 'null');
    await vb.startWeb();
    return vb;
  }

  get endpoint(): string {
    return `http://${this.#options.address ?? '127.0.0.1'}:${this.#port}`;
  }
  /** A path of the VirtualBox host as this machine has it. */
  outside(path: string): string {
    return join(this.root, path);
  }

  #makeRoot(): void {
    for (const d of ['usr', 'dev', 'proc', 'etc', 'tmp', 'root', 'srv/vb', 'srv/machines']) {
      mkdirSync(join(this.root, d), { recursive: true });
    }
    chmodSync(join(this.root, 'tmp'), 0o1777);
    for (const link of ['bin', 'sbin', 'lib', 'lib64']) symlinkSync(`usr/${link}`, join(this.root, link));
    for (const f of readdirSync(join(INSTALLED, 'etc'), { withFileTypes: true })) {
      if (f.isFile()) writeFileSync(join(this.root, 'etc', f.name), readFileSync(join(INSTALLED, 'etc', f.name)));
    }
    for (const d of ['usr', 'dev']) {
      execFileSync('mount', ['--bind', join(INSTALLED, d), join(this.root, d)]);
      // Shared by all worlds: whatever goes wrong here leaves it as it is.
      execFileSync('mount', ['-o', 'remount,bind,ro', join(this.root, d)]);
    }
    execFileSync('mount', ['-t', 'proc', 'proc', join(this.root, 'proc')]);
    const env = `HOME=/root USER=root LOGNAME=root VBOX_USER_HOME=/srv/vb LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin`;
    writeFileSync(this.vboxManage, `#!/bin/sh\nexec env -i ${env} chroot '${this.root}' ${LIB}/VBoxManage "$@"\n`, {
      mode: 0o755,
    });
  }

  /** @returns what VBoxManage said on standard output; throws with what it said on the other */
  async manage(...args: string[]): Promise<string> {
    return (await run(this.vboxManage, args, { timeout: COMMAND_MS, maxBuffer: 64 << 20 })).stdout;
  }

  async startWeb(): Promise<void> {
    writeFileSync(this.#log, '');
    const { address = '127.0.0.1', networkOf, sessionSeconds } = this.#options;
    const inside = networkOf === undefined ? [] : ['nsenter', `--net=/proc/${networkOf}/ns/net`];
    const chroot = [
      'env',
      '-i',
      'HOME=/root',
      'USER=root',
      'VBOX_USER_HOME=/srv/vb',
      'PATH=/usr/sbin:/usr/bin:/sbin:/bin',
      'chroot',
      this.root,
    ];
    const timeout = sessionSeconds === undefined ? [] : ['-t', String(sessionSeconds), '-i', '1'];
    const argv = [...inside, ...chroot, `${LIB}/vboxwebsrv`, '-H', address, '-p', String(this.#port), ...timeout];
    const [file = '', ...args] = argv;
    const out = openSync(this.#log, 'a');
    const child = spawn(file, args, { stdio: ['ignore', out, out] });
    closeSync(out);
    this.#web = child;
    for (const until = performance.now() + START_MS; ; await pause(30)) {
      const log = readFileSync(this.#log, 'utf8');
      // A port that answers proves nothing: it lives on without one when the address was taken.
      if (log.includes('Socket connection successful')) return;
      if (child.exitCode !== null || /SOAP FAULT|#### SOAP/.test(log) || performance.now() > until) {
        throw new Error(`vboxwebsrv does not listen at ${this.endpoint}: ${log.slice(-2000)}`);
      }
    }
  }

  get webPid(): number {
    return this.#web?.pid ?? 0;
  }

  async killWeb(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const web = this.#web;
    this.#web = undefined;
    if (web === undefined || web.exitCode !== null || web.signalCode !== null) return;
    const ended = new Promise((resolve) => web.once('exit', resolve));
    web.kill(signal);
    await ended;
  }

  /** Ends VBoxSVC, which holds what every program of VirtualBox sees. */
  async killService(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.#end(signal, (p) => p.name.startsWith('VBoxSVC'));
  }

  /** All of them at once, as when the host is switched off; then as after its start. */
  async restart(): Promise<void> {
    await this.killWeb();
    await this.#end('SIGKILL', () => true);
    await this.startWeb();
  }

  processes(): { readonly pid: number; readonly name: string }[] {
    return readdirSync('/proc').flatMap((pid) => {
      if (!/^\d+$/.test(pid)) return [];
      try {
        if (readlinkSync(`/proc/${pid}/root`) !== this.root) return [];
        return [{ pid: Number(pid), name: readFileSync(`/proc/${pid}/comm`, 'utf8').trim() }];
      } catch {
        return [];
      }
    });
  }

  async #end(signal: NodeJS.Signals, which: (p: { pid: number; name: string }) => boolean): Promise<void> {
    for (const until = performance.now() + 20_000; performance.now() < until; await pause(20)) {
      const found = this.processes().filter(which);
      if (found.length === 0) return;
      for (const { pid } of found) {
        try {
          process.kill(pid, signal);
        } catch {
          // it has ended
        }
      }
    }
    throw new Error(`processes of ${this.root} do not end`);
  }

  async #stop(): Promise<void> {
    await this.killWeb();
    await this.#end('SIGKILL', () => true);
    await unmountBelow(this.root);
  }

  /** A machine that is off, with a SATA controller. @returns its id */
  async addMachine(name: string, o: { readonly mac?: string; readonly ports?: number } = {}): Promise<string> {
    const said = await this.manage('createvm', '--name', name, '--register', '--basefolder', '/srv/machines');
    await this.manage('storagectl', name, '--name', 'SATA', '--add', 'sata', '--portcount', String(o.ports ?? 4));
    if (o.mac !== undefined)
      await this.manage('modifyvm', name, '--nic1', 'nat', '--macaddress1', o.mac.replaceAll(':', ''));
    return /UUID: ([0-9a-f-]{36})/i.exec(said)?.[1] ?? '';
  }

  async removeMachine(name: string): Promise<void> {
    await this.manage('unregistervm', name, '--delete');
  }

  /** Whether a machine can be changed: what a lock that was left over prevents. */
  async isLocked(name: string): Promise<boolean> {
    for (const until = performance.now() + LOCK_MS; ; await pause(100)) {
      try {
        await this.manage('modifyvm', name, '--description', 'looked at');
        return false;
      } catch (e) {
        const said = String((e as { stderr?: string }).stderr);
        if (/already locked/.test(said)) return true;
        // A VBoxManage of a killed process still asks for the lock: it ends by itself.
        if (!/lock request pending/.test(said) || performance.now() > until) throw e;
      }
    }
  }

  /** Disks of a machine, as its settings have them: `controller-port-device` and the id. */
  async disksOf(name: string): Promise<ReadonlyMap<string, string>> {
    const info = await this.manage('showvminfo', name, '--machinereadable');
    return new Map(
      [...info.matchAll(/^"(.*)-ImageUUID-(\d+-\d+)"="([0-9a-f-]+)"$/gm)].map((m) => [`${m[1]}-${m[2]}`, m[3] ?? '']),
    );
  }

  /** Files of every registered disk. */
  async locations(): Promise<string[]> {
    return [...(await this.manage('list', 'hdds')).matchAll(/^Location:\s+(.*)$/gm)].map((m) => m[1] ?? '');
  }
}

/** What has just been killed may hold a device for a moment. */
async function unmountBelow(root: string): Promise<void> {
  const mounted = (): string[] => {
    const targets = readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .map((l) => l.split(' ')[4] ?? '');
    return targets.filter((t) => t.startsWith(`${root}/`)).reverse();
  };
  for (const until = performance.now() + 10_000; performance.now() < until; await pause(50)) {
    for (const m of mounted()) {
      try {
        execFileSync('umount', [m], { stdio: 'ignore' });
      } catch {
        // busy: again
      }
    }
    if (mounted().length === 0) return;
  }
  throw new Error(`${mounted().join(', ')} cannot be unmounted`);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const s = createServer();
    s.once('error', reject);
    s.listen(0, '127.0.0.1', () => {
      const a = s.address();
      s.close(() => resolve(typeof a === 'object' && a !== null ? a.port : 0));
    });
  });
}
