import { type CallOptions, type Integration, type Progress, VolumeError } from '@rexray/core';
import { call, type RemoteCallOptions } from './call.ts';
import type { Problem } from './problem.ts';
import { type EventsOptions, type RemoteEvent, remoteEvents } from './remote-events.ts';
import { remoteIntegration, type ServiceInfo } from './remote-integration.ts';
import { type RouteOp, routeOf } from './routes.ts';
import { type Address, Transport } from './transport.ts';

export interface RemoteHealth {
  readonly ok: boolean;
  readonly detail?: string;
  readonly version: string;
  /** RFC 3339 */
  readonly startedAt: string;
  readonly services: readonly string[];
  readonly defaultService?: string;
  /** Operations that run now. */
  readonly operations: number;
}

export interface RemoteOperation {
  readonly id: string;
  readonly op: string;
  readonly service: string;
  readonly volume: string;
  readonly requestId: string;
  readonly state: 'running' | 'canceling' | 'done' | 'failed' | 'canceled';
  readonly startedAt: string;
  readonly endedAt?: string;
  readonly progress?: Progress;
  readonly result?: unknown;
  readonly problem?: Problem;
}

/** A server of this interface. Nothing is sent before it is asked for something. */
export interface RestClient {
  /** Where the server is, as a URL. */
  readonly address: string;
  /** The verbs of a service; of the default one when none is named. Traits and verbs are fetched once; again while they are provisional. @throws `not_found`, `unavailable`, `denied` */
  integration(
    service?: string,
    o?: CallOptions & {
      /** What {@link services} answered a moment ago: then nothing is asked. */
      readonly known?: readonly ServiceInfo[] | undefined;
    },
  ): Promise<Integration>;
  services(o?: CallOptions): Promise<readonly ServiceInfo[]>;
  health(o?: CallOptions): Promise<RemoteHealth>;
  events(o?: EventsOptions): AsyncIterable<RemoteEvent>;
  readonly operations: {
    list(o?: CallOptions): Promise<readonly RemoteOperation[]>;
    /** @param o.waitMs answer when it has ended, at the latest then */
    get(id: string, o?: { readonly waitMs?: number } & CallOptions): Promise<RemoteOperation>;
    /** Answers when the roll-back has ended. */
    cancel(id: string, o?: { readonly waitMs?: number } & CallOptions): Promise<RemoteOperation>;
  };
  /** Any operation of the interface by its name and fields: what the methods above are made of. */
  call(
    op: RouteOp,
    fields: Readonly<Record<string, unknown>>,
    o?: RemoteCallOptions & { service?: string },
  ): Promise<unknown>;
  /** Closes idle connections. Calls in flight end with an error. */
  close(): void;
}

/** A client of the server on a unix socket, or at a URL. */
export function connect(address: Address): RestClient {
  const t = new Transport(address);
  const ask = (
    op: RouteOp,
    fields: Readonly<Record<string, unknown>> = {},
    o: RemoteCallOptions & { service?: string } = {},
  ) => call(t, routeOf(op), fields, o) as Promise<never>;
  const services = async (o?: CallOptions): Promise<readonly ServiceInfo[]> =>
    ((await ask('services.list', {}, o)) as { items: readonly ServiceInfo[] }).items;
  const operation =
    (op: 'operations.get' | 'operations.cancel') =>
    (id: string, o: { waitMs?: number } & CallOptions = {}) =>
      ask(op, { operation: id, ...(o.waitMs !== undefined && { waitMs: o.waitMs }) }, o);
  return {
    address: t.name,
    async integration(name, o) {
      const { known, ...call } = o ?? {};
      const about =
        name === undefined
          ? theDefault(known ?? (await services(call)), t)
          : (known?.find((s) => s.service === name) ?? (await ask('services.get', { service: name }, call)));
      return remoteIntegration(t, about);
    },
    services,
    health: (o) => ask('health', {}, o),
    events: (o) => remoteEvents(t, o),
    operations: {
      list: async (o) => ((await ask('operations.list', {}, o)) as { items: readonly RemoteOperation[] }).items,
      get: operation('operations.get'),
      cancel: operation('operations.cancel'),
    },
    call: (op, fields, o) => ask(op, fields, o),
    close: () => t.close(),
  };
}

function theDefault(all: readonly ServiceInfo[], t: Transport): ServiceInfo {
  const it = all.find((s) => s.default);
  if (it !== undefined) return it;
  throw new VolumeError('not_found', `The server on ${t.name} has no default service.`, {
    details: { what: 'service', near: all.map((s) => s.service) },
    hint: all.length > 0 ? `Name one: ${all.map((s) => s.service).join(', ')}.` : 'Configure a service.',
  });
}
