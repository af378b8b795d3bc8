import { execFileSync } from 'node:child_process';
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Integration } from '@rexray/core';
import type { Cleanup } from '@rexray/rig';
import { leaks, loopsBelow, mountsBelow } from '../src/audit.ts';
import { imagesOf, openPlace, type Place } from '../src/open.ts';
import { CONTENT, holds, type Scenario, SIZE } from '../src/scenarios.ts';

const run = (file: string, ...args: string[]): string =>
  execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

/** The place that each kill starts from, made once. */
export async function template(home: string): Promise<void> {
  const p = await openPlace({ home });
  const s = p.volumes;
  for (const name of ['v', 'bystander']) {
    await s.create(name, { size: SIZE.ext4 });
    await put(s, name, 'hello', CONTENT);
  }
  await s.create('blank', { size: SIZE.ext4 });
  await s.snapshots.create('v', 's');
  const image = join(imagesOf(home), 'theirs.img');
  run('truncate', '-s', '16M', image);
  run('mkfs.ext4', '-q', image);
  await p.rex.close();
}

export async function put(s: Integration, name: string, file: string, text: string): Promise<void> {
  const m = await s.mount(name, { holder: 'cli' });
  writeFileSync(join(m.path, file), text, { flush: true });
  await s.unmount(name, { holder: 'cli' });
}

export function copyOf(cleanup: Cleanup, from: string): string {
  const home = join(cleanup.tempDir('rexray-kill-'), 'home');
  run('cp', '-a', '--sparse=always', from, home);
  return home;
}

/** Where: printed with a failure. */
class Violation extends Error {}
const demand = (where: string, what: readonly string[]): void => {
  if (what.length > 0) throw new Violation(`${where}: ${what.join('; ')}`);
};

/**
 * A fresh process over what a dead one left: it reconciles when it opens. Then nothing is leaked, nothing acknowledged is
 * lost, the next call succeeds, and in the end everything can be removed.
 */
export async function audit(home: string, scenario: Scenario, where: string): Promise<void> {
  const p = await openPlace({ home });
  try {
    demand(`${where}, reconciled`, await leaks(p));
    const intact = bystander(home);
    await (scenario.again ?? scenario.run)(p.volumes);
    await contents(p.volumes, scenario);
    demand(`${where}, bystander`, intact === bystander(home) ? [] : ['it was touched']);
    demand(`${where}, done again`, await leaks(p));
    await clear(p);
    demand(`${where}, cleared`, [...(await leaks(p)), ...mountsBelow(home), ...loopsBelow(home)]);
  } catch (e) {
    throw e instanceof Violation ? e : new Error(`${where}: ${String(e)}`, { cause: e });
  } finally {
    await p.rex.close();
  }
}

/** Nobody has a reason to write to it: its image is the one of the template, to the nanosecond. */
function bystander(home: string): string {
  const dir = join(imagesOf(home), 'bystander');
  const names = readdirSync(dir).sort();
  const { mtimeNs, size } = statSync(join(dir, 'image'), { bigint: true });
  return JSON.stringify([names, String(mtimeNs), String(size)]);
}

async function contents(s: Integration, scenario: Scenario): Promise<void> {
  const names = (await s.list()).items.map((v) => v.name);
  if (!names.includes('v') && scenario.removes !== 'v') throw new Violation('v is lost');
  for (const name of ['v', 'copy', 'restored']) {
    if (names.includes(name) && !(name === 'v' && scenario.wipes === true)) await holds(s, name, 'hello', CONTENT);
  }
  const snapshots = (await s.snapshots.list()).items.map((x) => x.name);
  if (!snapshots.includes('s') && scenario.name !== 'remove a snapshot') throw new Violation('snapshot s is lost');
}

export async function clear(p: Place): Promise<void> {
  const s = p.volumes;
  for (const h of await s.holders.list()) await s.holders.release(h.volume, h.holder);
  for (const x of (await s.snapshots.list()).items) await s.snapshots.remove(x.name);
  for (const v of (await s.list()).items) {
    if (v.state === 'attached') await s.detach(v.name);
    if (v.state !== 'foreign') await s.remove(v.name);
  }
}

/** Runs `tasks` by so many at once; the first failure of each is told. */
export async function lanes<T>(count: number, tasks: readonly T[], f: (t: T) => Promise<void>): Promise<void> {
  const rest = [...tasks];
  const errors: Error[] = [];
  const lane = async (): Promise<void> => {
    for (let t = rest.shift(); t !== undefined; t = rest.shift()) {
      await f(t).catch((e: Error) => {
        errors.push(e);
      });
    }
  };
  await Promise.all(Array.from({ length: count }, lane));
  if (errors.length > 0) throw new AggregateError(errors, errors.map((e) => e.message).join('\n'));
}
