import { execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BTRFS, Cleanup, EXT4, XFS } from '@rexray/rig';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Bundle, bundle } from '../src/bundle.ts';
import type { Order, Told } from '../src/kill-main.ts';
import { SCENARIOS, type Scenario } from '../src/scenarios.ts';
import { lanes, template } from './kills.ts';

/** What makes something last: the power goes just before it, so that nothing since the last one is there. */
const LASTING = /^fs (fsync|fdatasync) |^kernel syncfs|^store commit |^reply/;
export const SCRIPT = fileURLToPath(new URL('../src/power-cut.sh', import.meta.url));
const FILL = 'mount -o loop "$1" "$2"; cp -a --sparse=always "$3" "$2"; umount "$2"';
const run = (file: string, ...args: string[]): string => execFileSync(file, args, { encoding: 'utf8' });

export const NEEDS = {
  root: true,
  loop: true,
  namespaces: true,
  programs: { ...XFS, ...BTRFS, ...EXT4, xfs_io: 'xfsprogs' },
} as const;

/** Cuts the power before flushes of these verbs, before each or before every so-manieth: the tests of a suite. */
export function powerCuts(names: readonly string[] | 'all', stride: number): void {
  const cleanup = new Cleanup();
  let victims: Bundle;
  let audits: Bundle;
  let base: string;
  let cuts = 0;
  beforeAll(async () => {
    const dir = cleanup.tempDir('rexray-power-');
    base = join(dir, 'disk');
    mkdirSync(join(dir, 'mnt'));
    run('truncate', '-s', '768M', base);
    run('mkfs.xfs', '-q', base);
    // Not made on the disk: a mount namespace that somebody makes meanwhile copies the mounts of volumes and keeps its files open.
    await template(join(dir, 'home'));
    run(
      'unshare',
      '--mount',
      '--propagation',
      'private',
      'sh',
      '-ec',
      FILL,
      'fill',
      base,
      join(dir, 'mnt'),
      join(dir, 'home'),
    );
    [audits, victims] = await Promise.all([bundle(cleanup, './audit-main.ts'), bundle(cleanup, './kill-main.ts')]);
  });
  afterAll(async () => {
    console.log(`power: ${cuts} cuts`);
    await cleanup.run();
  });

  async function cut(scenario: Scenario, at: number, what = ''): Promise<readonly string[]> {
    const own = new Cleanup();
    const dir = own.tempDir('rexray-cut-');
    const [image, disk, boot] = [join(dir, 'disk'), join(dir, 'mnt'), join(dir, 'boot_id')];
    try {
      mkdirSync(disk);
      run('cp', '--sparse=always', base, image);
      writeFileSync(boot, `${randomUUID()}\n`);
      const home = join(disk, 'home');
      const order: Order = { home, scenario: scenario.name, at, how: 'power', disk };
      const where = `${scenario.name}, power cut at ${at} (${what})`;
      const out = await inNamespace({
        ...{ IMAGE: image, MNT: disk, BOOT: boot, NODE: victims.program },
        ...{ VICTIM: victims.args[0] ?? '', ORDER: JSON.stringify(order) },
        ...{ AUDIT: audits.args[0] ?? '', QUESTION: JSON.stringify({ home, scenario: scenario.name, where }) },
        ...victims.env,
      });
      if (at < 0) return (JSON.parse(out) as Told).points;
      if (out !== '') throw new Error(`${where}: it was not cut: ${out}`);
      cuts += 1;
      return [];
    } finally {
      await own.run();
    }
  }

  function inNamespace(env: Readonly<Record<string, string>>): Promise<string> {
    return new Promise((resolve, reject) => {
      const child = spawn('unshare', ['--mount', '--propagation', 'private', 'sh', SCRIPT], {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, ...env },
        timeout: 120_000,
      });
      let [out, err] = ['', ''];
      child.stdout.on('data', (d: Buffer) => {
        out += d;
      });
      child.stderr.on('data', (d: Buffer) => {
        err += d;
      });
      child.once('error', reject);
      child.once('close', (code) => (code === 0 ? resolve(out.trim()) : reject(new Error(err.slice(0, 4000)))));
    });
  }

  const chosen = SCENARIOS.filter((s) => names === 'all' || names.includes(s.name));
  it.each(chosen)('$name', { timeout: 1_800_000 }, async (scenario) => {
    const points = await cut(scenario, -1);
    const at = points.flatMap((p, i) => (LASTING.test(p) ? [i] : []));
    expect(at.length).toBeGreaterThan(1);
    const some = at.filter((_i, n) => n % stride === stride - 1);
    await lanes(2, some, async (i) => void (await cut(scenario, i, points[i])));
  });
}
