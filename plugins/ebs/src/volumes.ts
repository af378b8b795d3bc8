import type { Volume as Ec2Volume, Filter } from '@aws-sdk/client-ec2';
import { Batcher, type Pace } from './batch.ts';
import type { Client } from './client.ts';
import type { Patience } from './clock.ts';
import { isolated } from './isolate.ts';
import { type Names, TAG } from './tags.ts';

/** Ids of one DescribeVolumes call. */
const IDS = 500;
/** Values of one filter. */
const VALUES = 200;
/** A batch may serve callers of different patience: it has its own. */
const BATCH_MS = 20_000;
/** What was seen so lately is good enough to decide what to try; never to answer with. */
const RECENT_MS = 1_000;

const ID = /^vol-[0-9a-f]{8}([0-9a-f]{9})?$/;
export const isVolumeId = (id: string): boolean => ID.test(id);
const LIVE = ['creating', 'available', 'in-use', 'error'];
export const isLive = (v: Ec2Volume): boolean => LIVE.includes(v.State ?? '');

/** Everything that is read of volumes goes through here: by id and by name in shared calls, pages for listings. */
export class Volumes {
  readonly #client: Client;
  readonly #byId: Batcher<Ec2Volume>;
  readonly #byName: Batcher<readonly Ec2Volume[]>;
  /** Ids that the last call did not find: asked for by filter, which they cannot fail. */
  readonly #doubtful = new Set<string>();
  readonly #recent = new Map<string, { readonly v: Ec2Volume; readonly at: number }>();

  constructor(client: Client, names: Names, pace: Pace) {
    this.#client = client;
    const shared = { clock: client.clock, pace };
    this.#byId = new Batcher({ ...shared, size: IDS, fetch: (ids) => this.#fetch(ids) });
    this.#byName = new Batcher({
      ...shared,
      size: VALUES,
      fetch: async (wanted) => {
        const values = wanted.map((n) => names.filter(n));
        const found = await this.#filtered([{ Name: `tag:${TAG.name}`, Values: values }, LIVE_FILTER]);
        const by = new Map<string, Ec2Volume[]>();
        for (const v of found) {
          const name = names.read(v.Tags?.find((t) => t.Key === TAG.name)?.Value);
          if (name !== undefined) by.set(name, [...(by.get(name) ?? []), v]);
        }
        return by;
      },
    });
  }

  /** As it is now; undefined when EC2 does not know it (yet). */
  get(id: string, p: Pick<Patience, 'signal'>): Promise<Ec2Volume | undefined> {
    return isVolumeId(id) ? this.#byId.get(id, p) : Promise.resolve(undefined);
  }

  /** As it was at most a second ago, else as it is now: for what EC2 itself arbitrates afterwards. */
  async glance(id: string, p: Pick<Patience, 'signal'>): Promise<{ v: Ec2Volume | undefined; fresh: boolean }> {
    const seen = this.#recent.get(id);
    if (seen !== undefined && this.#client.clock.now() - seen.at <= RECENT_MS) return { v: seen.v, fresh: false };
    return { v: await this.get(id, p), fresh: true };
  }

  /** What was just changed must not be taken from memory. */
  forget(id: string): void {
    this.#recent.delete(id);
  }

  /** Volumes with this name that are not being deleted. */
  async named(name: string, p: Pick<Patience, 'signal'>): Promise<readonly Ec2Volume[]> {
    return (await this.#byName.get(name, p)) ?? [];
  }

  /** One page of what the filters let through. */
  async page(
    filters: readonly Filter[],
    o: { readonly token: string | undefined; readonly limit: number },
    p: Patience,
  ): Promise<{ readonly items: readonly Ec2Volume[]; readonly token: string | undefined }> {
    const r = await this.#client.read(
      'DescribeVolumes',
      { Filters: [...filters, LIVE_FILTER], MaxResults: o.limit, ...(o.token !== undefined && { NextToken: o.token }) },
      p,
    );
    return { items: r.Volumes ?? [], token: r.NextToken || undefined };
  }

  async #fetch(ids: readonly string[]): Promise<ReadonlyMap<string, Ec2Volume>> {
    const doubtful = ids.filter((id) => this.#doubtful.has(id));
    const sure = ids.filter((id) => !this.#doubtful.has(id));
    const found = [
      ...(await isolated(sure, {
        absent: ['InvalidVolume.NotFound'],
        pattern: /vol-[0-9a-f]+/g,
        ask: async (VolumeIds) =>
          (await this.#client.read('DescribeVolumes', { VolumeIds: [...VolumeIds] }, this.#patience())).Volumes ?? [],
      })),
    ];
    for (let i = 0; i < doubtful.length; i += VALUES) {
      found.push(...(await this.#filtered([{ Name: 'volume-id', Values: doubtful.slice(i, i + VALUES) }])));
    }
    const by = new Map(found.map((v) => [v.VolumeId ?? '', v]));
    for (const id of ids) this.#note(id, by.get(id));
    return by;
  }

  async #filtered(Filters: Filter[]): Promise<Ec2Volume[]> {
    const all: Ec2Volume[] = [];
    let token: string | undefined;
    do {
      const input = { Filters, MaxResults: 500, ...(token !== undefined && { NextToken: token }) };
      const r = await this.#client.read('DescribeVolumes', input, this.#patience());
      all.push(...(r.Volumes ?? []));
      token = r.NextToken || undefined;
    } while (token !== undefined);
    return all;
  }

  #note(id: string, v: Ec2Volume | undefined): void {
    if (this.#doubtful.size > 10_000) this.#doubtful.clear();
    if (this.#recent.size > 10_000) this.#recent.clear();
    if (v === undefined) {
      this.#doubtful.add(id);
      this.#recent.delete(id);
    } else {
      this.#doubtful.delete(id);
      this.#recent.set(id, { v, at: this.#client.clock.now() });
    }
  }

  #patience(): Patience {
    return { signal: new AbortController().signal, deadline: this.#client.clock.now() + BATCH_MS };
  }
}

const LIVE_FILTER: Filter = { Name: 'status', Values: LIVE };
