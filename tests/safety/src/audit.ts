/** What must hold on a node after anything: read from the kernel, the storage and the node state, not from what a verb said. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Volume } from '@rexray/core';
import type { Place } from './open.ts';

export const mountsBelow = (below: string): readonly string[] =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((l) => l.split(' ')[4] ?? '')
    .filter((t) => t.startsWith(`${below}/`));

/** Backing files of loop devices below a directory; one that was deleted says so. */
export const loopsBelow = (below: string): readonly string[] =>
  readdirSync('/sys/block')
    .filter((n) => n.startsWith('loop'))
    .flatMap((n) => {
      try {
        const file = readFileSync(`/sys/block/${n}/loop/backing_file`, 'utf8').trim();
        return file.startsWith(`${below}/`) ? [file] : [];
      } catch {
        return [];
      }
    });

const entries = (dir: string): readonly string[] => {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
};

/** Leaks: what is there and nobody answers for. Empty = clean. */
export async function leaks(p: Place): Promise<readonly string[]> {
  const found: string[] = [];
  const volumes = (await p.volumes.list({ limit: 1000 })).items;
  const held = volumes.filter((v) => v.holders.length > 0);
  const roots = held.map((v) => v.mountRoot ?? '');
  const mounts = mountsBelow(p.home);
  found.push(...mounts.filter((m) => !roots.includes(m)).map((m) => `mount ${m}`));
  found.push(...roots.filter((r) => !mounts.includes(r)).map((r) => `no mount at ${r}, for which there is a holder`));
  found.push(...surplus(loopsBelow(p.home), held.length));
  const attached = new Set(
    (await p.store.list<{ attached?: boolean; volume: string }>('volume/')).flatMap(([, n]) =>
      n.attached ? [n.volume] : [],
    ),
  );
  for (const v of volumes) found.push(...claimLeaks(v, attached));
  for (const [key] of await p.store.list('intent/')) found.push(key);
  for (const [key] of await p.store.list('scratch/')) found.push(key);
  const known = new Set(volumes.map((v) => v.name));
  for (const [key, n] of await p.store.list<{ volume: string; holders: object; attached?: boolean }>('volume/')) {
    if (!known.has(n.volume)) found.push(`${key} of a volume that is not there`);
    else if (Object.keys(n.holders).length === 0 && n.attached !== true) found.push(`${key} for nobody`);
  }
  for (const hidden of ['.tmp', '.trash']) {
    found.push(
      ...entries(join(p.images, hidden))
        .filter((e) => !e.endsWith('.spare'))
        .map((e) => `half-made ${hidden}/${e}`),
    );
  }
  found.push(
    ...entries(join(p.home, 'var/lib/volumes'))
      .map((e) => join(p.home, 'var/lib/volumes', e))
      .filter((e) => !roots.includes(e))
      .map((e) => `mountpoint ${e}`),
  );
  return found;
}

const surplus = (loops: readonly string[], held: number): readonly string[] =>
  loops.length === held ? [] : [`${loops.length} loop devices for ${held} mounts: ${loops.join(', ')}`];

function claimLeaks(v: Volume, attached: ReadonlySet<string>): readonly string[] {
  const ours = v.attachments.some((a) => a.here);
  if (ours && v.holders.length === 0 && !attached.has(v.name)) return [`claim of ${v.name}`];
  if (!ours && v.holders.length > 0) return [`no claim of ${v.name}, which is mounted`];
  return [];
}
