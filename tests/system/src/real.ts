import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Integration } from '@rexray/core';
import localLoop from '@rexray/driver-local-loop';
import type { Cleanup } from '@rexray/rig';
import { type OperationsConfig, openRexray, type Rexray } from '@rexray/runtime';

/** A core over real loop devices below a temporary root. */
export interface Real {
  readonly home: string;
  readonly images: string;
  readonly rex: Rexray<never>;
  readonly volumes: Integration;
  image(name: string): string;
}

export async function real(cleanup: Cleanup, o: { home?: string; operations?: OperationsConfig } = {}): Promise<Real> {
  const home = o.home ?? cleanup.tempDir('rexray-real-');
  const images = join(home, 'images');
  const rex = await openRexray({
    home,
    services: { loop: localLoop({ volumePath: images }) },
    ...(o.operations !== undefined && { operations: o.operations }),
  });
  cleanup.add(() => rex.close());
  return {
    home,
    images,
    rex: rex as never,
    volumes: rex.service('loop').integration,
    image: (name) => join(images, name, 'image'),
  };
}

/** Loop devices and mounts that point below a directory: what a leak looks like. */
export function left(below: string): readonly string[] {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((l) => l.split(' ')[4] ?? '')
    .filter((t) => t.startsWith(below));
  return [...mounts.map((m) => `mount ${m}`), ...loopsBelow(below).map((l) => `loop ${l}`)];
}

export function loopsBelow(below: string): readonly string[] {
  return Array.from({ length: 256 }, (_, i) => i).flatMap((i) => {
    try {
      const file = readFileSync(`/sys/block/loop${i}/loop/backing_file`, 'utf8').trim();
      return file.startsWith(below) ? [file] : [];
    } catch {
      return [];
    }
  });
}
