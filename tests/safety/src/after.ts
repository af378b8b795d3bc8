import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Integration } from '@rexray/core';
import { leaks, loopsBelow, mountsBelow } from './audit.ts';
import { imagesOf, openPlace, type Place } from './open.ts';
import { CONTENT, holds, type Scenario } from './scenarios.ts';

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
