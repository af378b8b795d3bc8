import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Ctx, HostDriver, HostFacts, HostSession, Logger, MountEntry, ProcessIdentity } from '@rexray/core';
import { checkOptions } from './ask.ts';
import { DEFAULT_BY_ID, DEFAULT_NAMESPACE, type HostConfig } from './config.ts';
import { hostFacts } from './facts.ts';
import { acquireLock, makeOwnDir } from './lock.ts';
import { canonicalTarget } from './mount/mountpoint.ts';
import { readMounts } from './proc/mountinfo.ts';
import { identify } from './proc/processes.ts';
import { LinuxSession, type SessionPlace, scratchName } from './session.ts';
import { asVolumeError } from './wrap.ts';

/** Where undo files of programs stand: they are written to disks, and outlive a killed process. */
const scratchDirOf = (config: Pick<HostConfig, 'stateDir'>): string => join(config.stateDir, 'scratch');
export const lockDirOf = (config: Pick<HostConfig, 'stateDir'>): string => join(config.stateDir, 'locks');

/** Mounts below a directory in our own table. Asks the parents of the directory, never what is mounted. */
export function mountsBelow(below: string): MountEntry[] {
  const dir = below === '/' ? '' : canonicalTarget(below);
  return readMounts().filter((r) => r.target === dir || r.target.startsWith(`${dir}/`));
}

/**
 * The host in this process. Kernel calls that may block run on pool threads; those of a file system that hangs stay
 * there. A daemon uses {@link WorkerHost}, which puts this behind a process that can be abandoned (S15).
 */
export class LinuxHost implements HostDriver {
  readonly #config: HostConfig;
  readonly #logger: Logger;
  readonly #place: SessionPlace;
  readonly #sessions = new Set<LinuxSession>();
  #lockDir: string | undefined;

  constructor(config: HostConfig, logger: Logger) {
    this.#config = config;
    this.#logger = logger;
    this.#place = {
      allowRoots: config.allowRoots,
      byIdDir: config.byIdDir ?? DEFAULT_BY_ID,
      ...(config.scsiHostDir !== undefined && { scsiHostDir: config.scsiHostDir }),
      sysDir: config.sysDir ?? '/sys',
      devDir: config.devDir ?? '/dev',
      mountRoot: config.mountRoot,
      scratchDir: scratchDirOf(config),
      consumers: {
        proc: config.mountNamespace ?? DEFAULT_NAMESPACE,
        translated: config.pathsTranslated === true,
      },
    };
  }

  async facts(_ctx: Ctx): Promise<HostFacts> {
    return hostFacts(this.#config, this.#logger);
  }

  async open(key: string, ctx: Ctx): Promise<HostSession> {
    try {
      if (this.#lockDir === undefined) {
        const dir = lockDirOf(this.#config);
        makeOwnDir(dir);
        makeOwnDir(this.#place.scratchDir);
        this.#lockDir = dir;
      }
      const lock = await acquireLock(this.#lockDir, key, ctx);
      // Whoever had the lock before and was killed may have left it.
      const left = join(this.#place.scratchDir, scratchName(lock));
      if (existsSync(left)) rmSync(left, { recursive: true, force: true });
      const session: LinuxSession = new LinuxSession(lock, this.#place, () => this.#sessions.delete(session));
      this.#sessions.add(session);
      return session;
    } catch (e) {
      throw asVolumeError(e, 'open');
    }
  }

  async mounts(below: string, _ctx: Ctx): Promise<readonly MountEntry[]> {
    return mountsBelow(below);
  }

  readonly checkOptions = checkOptions;

  async identify(pid: number, _ctx: Ctx): Promise<ProcessIdentity | undefined> {
    return identify(pid);
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#sessions].map((s) => s.release()));
  }
}
