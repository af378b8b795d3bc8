import { GIB, type Integration, type LegacyFacet, type Snapshot, type Volume } from '@rexray/core';
import type { InstanceId } from './headers.ts';
import { MASK } from './query.ts';

/** Values that are zero in Go are left out, as REX-Ray leaves them out. */
const without = (o: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(o).filter(([, v]) => v !== undefined && v !== '' && v !== 0 && v !== false));

/** Who asks about a service, and what it has. */
export interface Asker {
  readonly instance: InstanceId | undefined;
  /** By attach token, in lower case. */
  readonly devices: ReadonlyMap<string, string> | undefined;
}

export const STATE = { attached: 2, available: 3, unavailable: 4 } as const;

export const isMine = (node: string, a: Asker): boolean => a.instance?.id.toLowerCase() === node.toLowerCase();

export function stateOf(v: Volume, a: Asker): number {
  if (v.attachments.length === 0) return STATE.available;
  return v.attachments.some((x) => isMine(x.node, a)) ? STATE.attached : STATE.unavailable;
}

/** Whether the mask wants it at all; a single one that it does not want is not found. */
export function wanted(v: Volume, mask: number, a: Asker): boolean {
  if (mask === 0) return true;
  const state = stateOf(v, a);
  const [attached, unattached, mine] = [MASK.attached, MASK.unattached, MASK.mine].map((bit) => (mask & bit) !== 0);
  const free = state === STATE.available;
  if (free && attached && !unattached) return false;
  if (!free && !attached && unattached) return false;
  return !(mine && attached && (state === STATE.unavailable || (free && !unattached)));
}

export function volumeOf(v: Volume, it: Integration, mask: number, a: Asker): Record<string, unknown> {
  const { id, name, hints, params, sizeBytes } = v;
  const own = (typeof params === 'object' && params !== null ? params : {}) as Record<string, unknown>;
  const attachments = mask === 0 ? [] : attachmentsOf(v, it.legacy, mask, a);
  return {
    id,
    name,
    type: String(own.type ?? hints.type ?? ''),
    ...without({
      size: Math.ceil(sizeBytes / GIB),
      iops: own.iops ?? hints.iops,
      availabilityZone: own.availabilityZone ?? hints.availabilityZone,
      encrypted: own.encrypted,
      status: v.state,
      attachmentState: stateOf(v, a),
    }),
    ...(attachments.length > 0 && { attachments }),
    ...(Object.keys(v.labels).length > 0 && { fields: v.labels }),
  };
}

function attachmentsOf(v: Volume, legacy: LegacyFacet | undefined, mask: number, a: Asker): object[] {
  return v.attachments
    .filter((x) => (mask & MASK.mine) === 0 || isMine(x.node, a))
    .map((x) => {
      const token = legacy?.attachToken(v, x.node).toLowerCase();
      const local = isMine(x.node, a) && token !== undefined ? a.devices?.get(token) : undefined;
      return {
        instanceID: { id: x.node, driver: v.driver, service: v.service },
        deviceName: local ?? legacy?.deviceName?.(v, x.node) ?? '',
        volumeID: v.id,
        ...(x.here && v.mountRoot !== undefined && { mountPoint: v.mountRoot }),
      };
    });
}

const seconds = (rfc3339: string | undefined): number | undefined =>
  rfc3339 === undefined ? undefined : Math.floor(Date.parse(rfc3339) / 1000);

export const snapshotOf = (s: Snapshot, volumeId: string | undefined): Record<string, unknown> => ({
  id: s.id,
  ...without({
    name: s.name,
    startTime: seconds(s.createdAt),
    status: s.consistency,
    volumeID: volumeId ?? s.volume,
    volumeSize: Math.ceil(s.sizeBytes / GIB),
  }),
  ...(Object.keys(s.labels).length > 0 && { fields: s.labels }),
});

export function serviceInfo(it: Integration, instance: InstanceId | undefined): Record<string, unknown> {
  const next = it.legacy?.nextDevice ?? { ignore: true };
  return {
    name: it.service,
    ...(instance !== undefined && { instance: instanceOf(it, instance) }),
    driver: {
      name: it.driver,
      type: it.legacy?.type ?? (it.traits.fsTypes === undefined ? 'nas' : 'block'),
      nextDevice: without(next),
    },
  };
}

const instanceOf = (it: Integration, i: InstanceId): object => ({
  instanceID: { id: i.id, driver: it.driver, service: it.service },
  name: i.fields.name ?? i.id,
  providerName: it.driver,
  ...without({ region: i.fields.region }),
});
