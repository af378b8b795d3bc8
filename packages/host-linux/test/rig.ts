/** What the tests of this package share: a host of its own, images, contexts. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readFileSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Attachment, type Ctx, type MountSpec, silentLogger } from '@rexray/core';
import type { Cleanup } from '@rexray/rig';
import { type HostConfig, LinuxHost } from '../src/index.ts';

export const MIB = 1 << 20;

export function context(ms = 20_000, signal?: AbortSignal): Ctx {
  const deadline = AbortSignal.timeout(ms);
  return {
    signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
    deadline: performance.now() + ms,
    requestId: 'test',
    progress() {},
  };
}

export interface Bench {
  readonly dir: string;
  readonly mountRoot: string;
  readonly config: HostConfig;
  readonly host: LinuxHost;
}

export function bench(cleanup: Cleanup, more: Partial<HostConfig> = {}): Bench {
  const dir = cleanup.tempDir('rexray-host-');
  const config = { stateDir: join(dir, 'state'), ...more };
  const host = new LinuxHost(config, silentLogger);
  cleanup.add(() => host.close());
  return { dir, mountRoot: join(dir, 'volumes'), config, host };
}

export type FileAttachment = Extract<Attachment, { kind: 'file' }>;

/** A sparse image. `mkfs`: a program and its arguments, the image last. */
export function image(dir: string, mib = 16, mkfs?: readonly string[]): FileAttachment {
  const path = join(dir, `${randomUUID()}.img`);
  writeFileSync(path, '');
  truncateSync(path, mib * MIB);
  if (mkfs?.[0] !== undefined) execFileSync(mkfs[0], [...mkfs.slice(1), path], { stdio: 'ignore' });
  return { kind: 'file', path };
}
export const EXT4_IMAGE = ['mkfs.ext4', '-q'] as const;

/** Bytes without a signature, or a LUKS header. */
export function scribble(path: string, holds: 'noise' | 'foreign'): void {
  const fd = openSync(path, 'r+');
  if (holds === 'noise') writeSync(fd, 'some text that is no signature of anything', 8192);
  else writeSync(fd, Buffer.from('4c554b53babe0002', 'hex'), 0, 8, 0);
  closeSync(fd);
}

export const copyImage = (a: FileAttachment): FileAttachment => {
  const path = `${a.path}.copy`;
  copyFileSync(a.path, path);
  return { kind: 'file', path };
};

export const spec = (target: string, more: Partial<MountSpec> = {}): MountSpec => ({
  target,
  fsType: 'ext4',
  readonly: false,
  options: [],
  subdir: '/data',
  owner: {},
  makeSubdir: true,
  ...more,
});

/** A process that has a file below a directory open. */
export async function opener(path: string): Promise<ChildProcess & { readonly pid: number }> {
  mkdirSync(path, { recursive: true });
  const child = spawn('sh', ['-c', 'exec 3>"$1/held"; echo ready; exec sleep 60', 'sh', path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  return child as ChildProcess & { readonly pid: number };
}

export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise((resolve) => child.once('close', resolve));
}

export const mountTable = (): string => readFileSync('/proc/self/mountinfo', 'utf8');

/** For processes that may have ended by themselves. */
export function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // gone
  }
}

/** For the conformance suite: {@link opener} as it wants it. */
export async function processBelow(target: string): Promise<{ readonly pid: number; release(): Promise<void> }> {
  const child = await opener(target);
  return {
    pid: child.pid,
    release: async () => {
      child.kill('SIGKILL');
      await ended(child);
    },
  };
}
