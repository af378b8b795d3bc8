import type { Holder, ListOptions, NodeInfo, Snapshot, Volume } from '../api.ts';
import type { CallOptions, Ctx, Page, Space } from '../context.ts';
import type { NodeVolume } from '../store.ts';
import { type Env, volumeKey } from './env.ts';
import { all, here, must, snapshotVerbs, unsupported } from './facts.ts';
import { snapshotView, view } from './view.ts';

/** The verbs that only read. They take no lock: what they say may be a moment old. */
export const reads = {
  async get(env: Env, [name]: readonly [string, CallOptions?], ctx: Ctx): Promise<Volume> {
    return view(env, await must(env, name, ctx), await here(env, name));
  },

  async list(env: Env, [o = {}]: readonly [ListOptions?], ctx: Ctx): Promise<Page<Volume>> {
    const mine = await nodeVolumes(env);
    const items: Volume[] = [];
    const limit = o.limit ?? Number.POSITIVE_INFINITY;
    let cursor = o.cursor;
    let partial: string | undefined;
    do {
      const page = await env.driver.list(
        { ...(cursor !== undefined && { cursor }), ...(o.limit !== undefined && { limit: o.limit - items.length }) },
        ctx,
      );
      items.push(...page.items.map((v) => view(env, v, mine.get(v.name))).filter((v) => fits(v, o)));
      cursor = page.next;
      partial ??= page.partial;
    } while (cursor !== undefined && items.length < limit);
    return { items, ...(cursor !== undefined && { next: cursor }), ...(partial !== undefined && { partial }) };
  },

  async capacity(env: Env, _args: readonly [CallOptions?], ctx: Ctx): Promise<Space> {
    if (env.driver.capacity === undefined) throw unsupported(env, 'capacity');
    return env.driver.capacity(ctx);
  },

  async 'snapshots.list'(
    env: Env,
    [o = {}]: readonly [({ volume?: string; limit?: number; cursor?: string } & CallOptions)?],
    ctx: Ctx,
  ): Promise<Page<Snapshot>> {
    const volumeId = o.volume === undefined ? undefined : (await must(env, o.volume, ctx)).id;
    const page = await snapshotVerbs(env).list(
      {
        ...(volumeId !== undefined && { volumeId }),
        ...(o.cursor !== undefined && { cursor: o.cursor }),
        ...(o.limit !== undefined && { limit: o.limit }),
      },
      ctx,
    );
    return { ...page, items: page.items.map((s) => snapshotView(env, s)) };
  },

  async 'holders.list'(
    env: Env,
    [o = {}]: readonly [({ volume?: string } & CallOptions)?],
    _ctx: Ctx,
  ): Promise<readonly Holder[]> {
    const found = [...(await nodeVolumes(env)).values()].filter(
      (nv) => o.volume === undefined || nv.volume === o.volume,
    );
    return found.flatMap((nv) =>
      Object.entries(nv.holders).map(([holder, h]) => ({
        holder,
        volume: nv.volume,
        service: env.service,
        count: h.count,
        since: h.since,
        ...(h.pid !== undefined && { pid: h.pid }),
      })),
    );
  },

  async 'nodes.list'(env: Env, _args: readonly [CallOptions?], ctx: Ctx): Promise<readonly NodeInfo[]> {
    const volumes = new Map<string, string[]>([[env.node, []]]);
    for await (const v of all(env, ctx))
      for (const a of v.attachments) volumes.set(a.node, [...(volumes.get(a.node) ?? []), v.name]);
    return [...volumes].map(([node, names]) => ({ node, here: node === env.node, volumes: names }));
  },
} as const;

function fits(v: Volume, o: ListOptions): boolean {
  if (o.prefix !== undefined && !v.name.startsWith(o.prefix)) return false;
  if (o.names !== undefined && !o.names.includes(v.name)) return false;
  if (o.states !== undefined && !o.states.includes(v.state)) return false;
  if (o.node !== undefined && !v.attachments.some((a) => a.node === o.node)) return false;
  return Object.entries(o.labels ?? {}).every(([k, want]) => v.labels[k] === want);
}

async function nodeVolumes(env: Env): Promise<Map<string, NodeVolume>> {
  const rows = await env.store.list<NodeVolume>(volumeKey(env.service, ''));
  return new Map(rows.filter(([, nv]) => nv.bootId === env.self.bootId).map(([, nv]) => [nv.volume, nv]));
}
