import type { Instance } from '@aws-sdk/client-ec2';
import { notFound } from '@rexray/core';
import { Batcher, type Pace } from './batch.ts';
import type { Client } from './client.ts';
import type { Patience } from './clock.ts';
import { is } from './errors.ts';
import { isolated } from './isolate.ts';
import { ATTACHMENTS, XEN_FAMILIES } from './limits.ts';

const IDS = 50;
const BATCH_MS = 20_000;
/** Attachments change behind our back too, but EC2 refuses what does not fit: the memory only saves questions. */
const REMEMBERED_MS = 300_000;

const ID = /^i-[0-9a-f]{8}([0-9a-f]{9})?$/;

/** What attaching needs to know of an instance. */
export interface Node {
  readonly id: string;
  readonly zone: string;
  readonly type: string;
  readonly account: string | undefined;
  /** `running`, `stopped`, `terminated` … */
  readonly state: string;
  /** Device names that are taken, with the volume of each. */
  readonly devices: Map<string, string>;
  readonly interfaces: number;
  readonly at: number;
}

export interface TypeFacts {
  /** Disks appear as NVMe, whatever name they are attached by. */
  readonly nitro: boolean;
  /** EBS volumes that an instance without other devices can have. */
  readonly attachments: number;
  /** Network interfaces and NVMe instance stores count as well. */
  readonly shared: boolean;
  readonly stores: number;
}

export class Nodes {
  readonly #client: Client;
  readonly #batch: Batcher<Node>;
  readonly #known = new Map<string, Node>();
  readonly #types = new Map<string, Promise<TypeFacts>>();

  constructor(client: Client, pace: Pace) {
    this.#client = client;
    this.#batch = new Batcher({
      clock: client.clock,
      size: IDS,
      pace,
      fetch: (ids) => this.#fetch(ids),
    });
  }

  /** @throws VolumeError `not_found` */
  async get(id: string, p: Pick<Patience, 'signal'>, o: { readonly fresh?: boolean } = {}): Promise<Node> {
    if (!ID.test(id)) throw notFound('EC2 instance', id);
    const known = this.#known.get(id);
    if (o.fresh !== true && known !== undefined && this.#client.clock.now() - known.at < REMEMBERED_MS) return known;
    const found = await this.#batch.get(id, p);
    if (found === undefined) throw notFound('EC2 instance', id);
    this.#known.set(id, found);
    return found;
  }

  /** A device name was given to a volume, or given back. */
  took(node: string, device: string, volume: string): void {
    this.#known.get(node)?.devices.set(device, volume);
  }
  gave(node: string, volume: string): void {
    const devices = this.#known.get(node)?.devices;
    for (const [device, v] of devices ?? []) if (v === volume) devices?.delete(device);
  }

  /** Facts of an instance type; from a table where EC2 does not say (no permission, an emulator). */
  facts(type: string, p: Patience): Promise<TypeFacts> {
    let asked = this.#types.get(type);
    if (asked === undefined) {
      asked = this.#ask(type, p).catch((e: unknown) => {
        this.#types.delete(type);
        throw e;
      });
      this.#types.set(type, asked);
    }
    return asked;
  }

  async #ask(type: string, p: Patience): Promise<TypeFacts> {
    const family = type.split('.')[0] ?? '';
    const nitroByName = !XEN_FAMILIES.has(family);
    const byTable = (nitro: boolean): TypeFacts => ({
      nitro,
      attachments: nitro ? ATTACHMENTS.nitro : ATTACHMENTS.xen,
      shared: nitro,
      stores: 0,
    });
    try {
      const r = await this.#client.read('DescribeInstanceTypes', { InstanceTypes: [type as never] }, p);
      const t = r.InstanceTypes?.[0];
      if (t === undefined) return byTable(nitroByName);
      const ebs = t.EbsInfo;
      const nitro = ebs?.NvmeSupport === undefined ? nitroByName : ebs.NvmeSupport === 'required';
      const known = byTable(nitro);
      return {
        nitro,
        attachments: ebs?.MaximumEbsAttachments ?? known.attachments,
        shared: ebs?.AttachmentLimitType === undefined ? known.shared : ebs.AttachmentLimitType === 'shared',
        stores: (t.InstanceStorageInfo?.Disks ?? []).reduce((n, d) => n + (d.Count ?? 0), 0),
      };
    } catch (e) {
      if (is(e, 'UnauthorizedOperation', 'InvalidInstanceType', 'InvalidAction')) return byTable(nitroByName);
      throw e;
    }
  }

  async #fetch(ids: readonly string[]): Promise<ReadonlyMap<string, Node>> {
    const patience = (): Patience => ({
      signal: new AbortController().signal,
      deadline: this.#client.clock.now() + BATCH_MS,
    });
    const found = await isolated(ids, {
      absent: ['InvalidInstanceID.NotFound'],
      pattern: /i-[0-9a-f]+/g,
      ask: async (InstanceIds) => {
        const r = await this.#client.read('DescribeInstances', { InstanceIds: [...InstanceIds] }, patience());
        return (r.Reservations ?? []).flatMap((x) => (x.Instances ?? []).map((i) => this.#node(i, x.OwnerId)));
      },
    });
    return new Map(found.map((n) => [n.id, n]));
  }

  #node(i: Instance, account: string | undefined): Node {
    const devices = (i.BlockDeviceMappings ?? []).map((d) => [d.DeviceName ?? '', d.Ebs?.VolumeId ?? ''] as const);
    return {
      id: i.InstanceId ?? '',
      zone: i.Placement?.AvailabilityZone ?? '',
      type: i.InstanceType ?? '',
      account,
      state: i.State?.Name ?? 'unknown',
      devices: new Map(devices),
      interfaces: i.NetworkInterfaces?.length ?? 0,
      at: this.#client.clock.now(),
    };
  }
}

/** Volumes that an instance can have attached, the root volume among them. */
export const attachmentLimit = (t: TypeFacts, interfaces: number): number =>
  Math.max(1, t.attachments - (t.shared ? interfaces + t.stores : 0));
