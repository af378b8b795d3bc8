import { formatBytes, isVolumeError, type Volume, VolumeError } from '@rexray/core';

/** What both v1.1 and v1.2 engines accept. */
export const CONTENT_TYPE = 'application/vnd.docker.plugins.v1.1+json';

const RFC3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;

/** A volume on Docker's wire. An engine takes the whole reply for "no such volume" when CreatedAt is not a time or Status not an object. */
export interface WireVolume {
  readonly Name: string;
  /** Empty while it is not mounted on this node. */
  readonly Mountpoint: string;
  readonly CreatedAt?: string;
  readonly Status?: Readonly<Record<string, unknown>>;
}

export function wireVolume(v: Volume): WireVolume {
  const at = v.createdAt;
  return {
    Name: v.name,
    Mountpoint: v.mountpoint ?? '',
    ...(at !== undefined && RFC3339.test(at) && !Number.isNaN(Date.parse(at)) && { CreatedAt: at }),
    Status: statusOf(v),
  };
}

/** What `docker volume inspect` shows a person. */
export function statusOf(v: Volume): Readonly<Record<string, unknown>> {
  const said = (o: object): object | undefined => (Object.keys(o).length > 0 ? o : undefined);
  const all = {
    service: v.service,
    driver: v.driver,
    id: v.id,
    size: v.sizeBytes > 0 ? formatBytes(v.sizeBytes) : 'not limited',
    sizeBytes: v.sizeBytes,
    fsType: v.fsType,
    fsUuid: v.fsUuid,
    state: v.state,
    format: v.format,
    health: healthOf(v),
    readOnly: v.readOnly || undefined,
    attachedTo: v.attachments.map((a) => (a.here ? `${a.node} (this node)` : a.node)),
    holders: v.holders.map((h) => `${h.holder}${h.count > 1 ? ` (${h.count} times)` : ''} since ${h.since}`),
    ...v.hints,
    labels: said(v.labels),
    notes: v.notes.length > 0 ? v.notes : undefined,
    fields: said(v.status),
  };
  return Object.fromEntries(Object.entries(all).filter(([, x]) => x !== undefined));
}

/** One word a person can act on. */
function healthOf(v: Volume): string {
  const lost = v.notes.find((n) => n.startsWith('lost to node'));
  if (lost !== undefined) return lost;
  return v.format === 'formatting' ? 'being formatted, or interrupted at it: the next mount goes on' : 'ok';
}

export const OK = '{"Err":""}';

/**
 * An error always has a status other than 200: Podman does not read `Err` where the status is 200, and would run the
 * container on a private directory.
 */
export interface Failure {
  readonly status: number;
  readonly body: string;
}
export const failure = (e: VolumeError, status = 500): Failure => ({ status, body: JSON.stringify({ Err: e.text }) });

/** Whatever was thrown, as an error that may leave the process: the text of a bug stays in the log. */
export function asVolumeError(e: unknown, requestId: string): VolumeError {
  if (isVolumeError(e)) return e as VolumeError;
  return new VolumeError('internal', 'The request failed by a bug in this program.', {
    details: {},
    cause: e,
    hint: `Report it with the log of request ${requestId}.`,
  });
}
