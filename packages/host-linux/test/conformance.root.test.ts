import { existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type HostConformanceOptions, type HostWorld, hostConformance } from '@rexray/conformance';
import { silentLogger } from '@rexray/core';
import { BTRFS, Cleanup, EXT4, suite, XFS } from '@rexray/rig';
import { afterAll, describe, expect, it } from 'vitest';
import { LinuxHost } from '../src/index.ts';
import { bench, copyImage, type FileAttachment, image, MIB, mountTable, processBelow, scribble } from './rig.ts';

export function linuxWorld(): HostWorld {
  const cleanup = new Cleanup();
  const { dir, mountRoot, host, config } = bench(cleanup);
  return {
    host,
    another: async () => {
      const other = new LinuxHost(config, silentLogger);
      cleanup.add(() => other.close());
      return other;
    },
    mountRoot,
    async makeAttachment({ sizeBytes, holds }) {
      const a = image(dir, sizeBytes / MIB);
      if (holds !== 'blank') scribble(a.path, holds);
      return a;
    },
    absent: async () => ({ kind: 'file', path: join(dir, 'absent.img') }),
    enlarge: async (a, sizeBytes) => truncateSync((a as FileAttachment).path, sizeBytes),
    copy: async (a) => copyImage(a as FileAttachment),
    write: async (path, text) => writeFileSync(path, text),
    read: async (path) => (existsSync(path) ? readFileSync(path, 'utf8') : undefined),
    use: processBelow,
    async close() {
      const left = mountTable().includes(mountRoot);
      mkdirSync(mountRoot, { recursive: true });
      await cleanup.run();
      expect(left, 'a mount was left').toBe(false);
    },
  };
}

const runner: HostConformanceOptions['runner'] = { describe, it };
suite('the Linux host', { root: true, loop: true, programs: { ...EXT4, ...XFS, ...BTRFS } }, () => {
  for (const fsType of ['ext4', 'xfs', 'btrfs'] as const) {
    hostConformance(`LinuxHost, ${fsType}`, { runner, open: async () => linuxWorld(), fsType });
  }
  afterAll(() => expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain('rexray-host-'));
});
