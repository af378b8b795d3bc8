import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { VolumeError } from '@rexray/core';

/** Which node asks, as `Libstorage-Instanceid` says: `DRIVER[:SERVICE]=ID[,fields[,metadata]]`. */
export interface InstanceId {
  readonly driver: string;
  readonly service?: string;
  readonly id: string;
  readonly fields: Readonly<Record<string, string>>;
}

const MOST = 64;

/** Repeated headers come as one text with ", " between; a header's own commas have no space after them. */
function valuesOf(headers: IncomingHttpHeaders, name: string): readonly string[] {
  const raw = headers[name];
  const all = raw === undefined ? [] : Array.isArray(raw) ? raw : raw.split(/,\s+/);
  if (all.length > MOST) throw bad(name, `at most ${MOST} of them`);
  return all.map((v) => v.trim()).filter((v) => v !== '');
}

const bad = (name: string, expected: string): VolumeError<'invalid'> =>
  new VolumeError('invalid', `The header ${name} cannot be read.`, { details: { path: name, expected } });

export function instancesOf(headers: IncomingHttpHeaders): readonly InstanceId[] {
  return valuesOf(headers, 'libstorage-instanceid').map((value) => {
    const m = /^([\w.-]{1,128})(?::([^=,]{1,256}))?=([^,]{1,512})(?:,([^,]*))?(?:,[A-Za-z0-9+/=_-]*)?$/.exec(value);
    if (m?.[1] === undefined || m[3] === undefined)
      throw bad('Libstorage-Instanceid', 'DRIVER[:SERVICE]=ID[,fields[,metadata]]');
    return {
      driver: m[1].toLowerCase(),
      ...(m[2] !== undefined && { service: m[2].toLowerCase() }),
      id: m[3],
      fields: Object.fromEntries(new URLSearchParams(m[4] ?? '')),
    };
  });
}

/** The one for a service: its own before its driver's. */
export function instanceFor(
  all: readonly InstanceId[],
  service: string,
  drivers: readonly string[],
): InstanceId | undefined {
  return (
    all.find((i) => i.service === service.toLowerCase()) ??
    all.find((i) => i.service === undefined && drivers.includes(i.driver))
  );
}

/** Devices of the asking node by driver: `DRIVER=VOLID::DEV[,VOLID::DEV…]`; tokens in lower case. */
export function devicesOf(headers: IncomingHttpHeaders): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const out = new Map<string, ReadonlyMap<string, string>>();
  for (const value of valuesOf(headers, 'libstorage-localdevices')) {
    const m = /^([\w.-]{1,128})=(.*)$/.exec(value);
    if (m?.[1] === undefined) throw bad('Libstorage-Localdevices', 'DRIVER=VOLID::DEV[,VOLID::DEV…]');
    const pairs = (m[2] ?? '')
      .split(',')
      .filter((p) => p !== '')
      .map((p): [string, string] => {
        const at = p.indexOf('::');
        if (at < 1) throw bad('Libstorage-Localdevices', 'VOLID::DEV');
        return [p.slice(0, at).toLowerCase(), p.slice(at + 2)];
      });
    out.set(m[1].toLowerCase(), new Map(pairs));
  }
  return out;
}

/** `txID=<uuid>, txCR=<epoch>`: the caller's own, where it is one. */
export function transaction(headers: IncomingHttpHeaders, now = Date.now()): string {
  const given = headers['libstorage-tx'];
  const m = typeof given === 'string' ? /^txID=([0-9a-f-]{36}),\s*txCR=(\d{1,12})$/i.exec(given.trim()) : null;
  return m === null ? `txID=${randomUUID()}, txCR=${Math.floor(now / 1000)}` : `txID=${m[1]}, txCR=${m[2]}`;
}
