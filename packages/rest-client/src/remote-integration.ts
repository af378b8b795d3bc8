import type { CallOptions, Integration, ListOptions, Op, Page, Snapshot, Volume } from '@rexray/core';
import { call } from './call.ts';
import { routeOf } from './routes.ts';
import type { Transport } from './transport.ts';
import { fieldsOf } from './wire.ts';

/** What the server says about a service; constant while a client lives, but for what it calls provisional. */
export type About = Pick<Integration, 'service' | 'driver' | 'traits' | 'can'>;
export interface ServiceInfo extends About {
  /** The service that is meant when none is named. */
  readonly default: boolean;
}

/** Most items that the server gives at once. */
const PAGE_MAX = 1000;

/** Every verb of a service of the server, as the embedded integration has them: same arguments, same answers, same errors. */
export function remoteIntegration(t: Transport, first: About): Integration {
  const { service } = first;
  const about = upToDate(t, first);
  const verb =
    (op: Op) =>
    (...args: unknown[]): Promise<never> => {
      const route = routeOf(op);
      const { fields, options } = fieldsOf(route, args);
      const answer = call(t, route, fields, { ...options, service }) as Promise<never>;
      // A verb that was answered means that the service is open.
      if (about.now.traits.provisional === true) answer.then(about.ask, () => undefined);
      return answer;
    };
  const items = async <T>(op: Op, o: object | undefined): Promise<readonly T[]> =>
    ((await verb(op)(o)) as { items: readonly T[] }).items;
  const pages =
    <T>(op: Op) =>
    (o?: PageOptions): Promise<Page<T>> =>
      gathered((part) => verb(op)(part) as Promise<Page<T>>, o);
  return {
    service,
    driver: first.driver,
    get traits() {
      return about.read().traits;
    },
    get can() {
      return about.read().can;
    },
    list: pages<Volume>('list') as (o?: ListOptions) => Promise<Page<Volume>>,
    get: verb('get'),
    create: verb('create'),
    clone: verb('clone'),
    expand: verb('expand'),
    modify: verb('modify'),
    remove: verb('remove'),
    adopt: verb('adopt'),
    format: verb('format'),
    attach: verb('attach'),
    detach: verb('detach'),
    mount: verb('mount'),
    unmount: verb('unmount'),
    capacity: verb('capacity'),
    snapshots: {
      list: pages<Snapshot>('snapshots.list'),
      create: verb('snapshots.create'),
      remove: verb('snapshots.remove'),
      restore: verb('snapshots.restore'),
    },
    holders: { list: (o) => items('holders.list', o), release: verb('holders.release') },
    nodes: { list: (o) => items('nodes.list', o) },
    plan: verb('plan'),
  };
}

/** Not more often than this is a service asked again what it can do, in ms. */
const ASK_AGAIN_MS = 500;

/** What is provisional is asked again, in the background, whenever somebody looks or a verb was answered. */
function upToDate(t: Transport, first: About) {
  let asked = performance.now();
  let asking = false;
  const it = {
    now: first,
    async ask(): Promise<void> {
      if (asking || it.now.traits.provisional !== true) return;
      asking = true;
      asked = performance.now();
      try {
        it.now = (await call(t, routeOf('services.get'), { service: first.service }, {})) as About;
      } catch {
        // Whoever calls a verb is told what is wrong.
      } finally {
        asking = false;
      }
    },
    read(): About {
      if (performance.now() - asked >= ASK_AGAIN_MS) void it.ask();
      return it.now;
    },
  };
  return it;
}

type PageOptions = { readonly limit?: number | undefined; readonly cursor?: string | undefined } & CallOptions;

/** Without a limit everything, with one as many: the wire has pages of at most a thousand, a caller need not know. */
async function gathered<T>(ask: (o: PageOptions) => Promise<Page<T>>, o: PageOptions = {}): Promise<Page<T>> {
  const all: T[] = [];
  let cursor = o.cursor;
  let partial: string | undefined;
  for (;;) {
    const left = (o.limit ?? Number.POSITIVE_INFINITY) - all.length;
    // A limit that is none (0, a fraction) goes to the server as it stands: it refuses it.
    const page = await ask({ ...o, limit: o.limit === undefined ? PAGE_MAX : Math.min(left, PAGE_MAX), cursor });
    all.push(...page.items);
    partial ??= page.partial;
    cursor = page.next;
    if (cursor === undefined || all.length >= (o.limit ?? Number.POSITIVE_INFINITY)) break;
  }
  return { items: all, ...(cursor !== undefined && { next: cursor }), ...(partial !== undefined && { partial }) };
}
