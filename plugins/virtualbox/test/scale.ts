/** Many disks: what a listing costs, and whether it leaves anything behind. */
import { readFileSync } from 'node:fs';
import type { VirtualBox } from '@rexray/rig';
import { ctxOf, driverOn, factsOf, specOf, type Transport, WISH } from './world.ts';

const rss = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;

export interface Figures {
  readonly disks: number;
  readonly createMs: number;
  readonly first: { readonly ms: number; readonly calls: number };
  readonly later: { readonly ms: number; readonly calls: number };
  /** MiB of vboxwebsrv and of VBoxSVC: after the first listing, and after `lists` more. */
  readonly memory: { readonly web: readonly [number, number]; readonly service: readonly [number, number] };
  readonly lists: number;
}

/** Makes volumes, marks half of them and attaches some, and lists them again and again. */
export async function listing(vb: VirtualBox, transport: Transport, n: number, lists: number): Promise<Figures> {
  const d = driverOn(vb, transport, { localMachineNameOrId: 'one', volumePath: `/srv/scale-${transport}` });
  const node = await d.whoami(factsOf(), ctxOf());
  const began = performance.now();
  const todo = Array.from({ length: n }, (_, i) => `v${String(i).padStart(4, '0')}`);
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      for (let name = todo.shift(); name !== undefined; name = todo.shift()) {
        const v = await d.create(name, specOf(), ctxOf(60_000));
        if (Number(name.slice(1)) % 2 === 0) {
          await d.mark(v.id, { labels: { a: '1' } }, { ifRevision: v.record.revision }, ctxOf(60_000));
        }
        if (Number(name.slice(1)) < 10) await d.attach(v.id, node, WISH, ctxOf(60_000));
      }
    }),
  );
  const createMs = (performance.now() - began) / n;
  await d.close();
  const fresh = driverOn(vb, transport, { localMachineNameOrId: 'one', volumePath: `/srv/scale-${transport}` });
  const list = async (): Promise<{ ms: number; calls: number }> => {
    const [at, before] = [performance.now(), fresh.calls];
    const { items } = await fresh.list({ limit: 10_000 }, ctxOf(120_000));
    if (items.length !== n) throw new Error(`${items.length} of ${n} are listed`);
    if (items.filter((v) => v.attachments.length === 1).length !== Math.min(n, 10))
      throw new Error('attachments differ');
    return { ms: performance.now() - at, calls: fresh.calls - before };
  };
  // The logon and the look at the directory are not the listing's.
  await fresh.identity({}, ctxOf());
  const first = await list();
  const service = vb.processes().find((p) => p.name.startsWith('VBoxSVC'))?.pid ?? 0;
  const before = [rss(vb.webPid), rss(service)] as const;
  let later = first;
  for (let i = 0; i < lists; i++) later = await list();
  const after = [rss(vb.webPid), rss(service)] as const;
  await fresh.close();
  return {
    disks: n,
    createMs,
    first,
    later,
    memory: { web: [before[0], after[0]], service: [before[1], after[1]] },
    lists,
  };
}

export const told = (transport: Transport, f: Figures): string =>
  `${transport}, ${f.disks} disks: create ${f.createMs.toFixed(0)} ms each; first list ${f.first.ms.toFixed(0)} ms, ${f.first.calls} calls (${(f.first.calls / f.disks).toFixed(2)} a disk); later ${f.later.ms.toFixed(0)} ms, ${f.later.calls} calls (${(f.later.calls / f.disks).toFixed(2)} a disk); memory over ${f.lists} lists: vboxwebsrv ${f.memory.web.map((x) => x.toFixed(0)).join(' → ')} MiB, VBoxSVC ${f.memory.service.map((x) => x.toFixed(0)).join(' → ')} MiB`;
