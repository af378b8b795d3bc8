import { CORE_VERSION, type Integration, VolumeError } from '@rexray/core';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Access } from '../auth/callers.ts';
import { check, checkDepth } from '../check.ts';
import type { RestConfig } from '../config.ts';
import { serviceOf } from '../verb-handler.ts';
import { devicesOf, type InstanceId, instanceFor, instancesOf, transaction } from './headers.ts';
import { type Asker, serviceInfo } from './objects.ts';
import { isOn, MASK, maskOf, queryOf, type V1Query } from './query.ts';
import { type OWN_PATHS, V1_ROUTES, type V1Route } from './routes.ts';
import { Tasks } from './tasks.ts';
import type { Doing } from './work.ts';

export interface V1Room {
  readonly services: Readonly<Record<string, Integration>>;
  readonly access: Access;
  readonly config: RestConfig['libstorage'];
  /** Hears of every call that changes something, before it begins; what it answers hears how that ended. */
  audited<T>(
    q: FastifyRequest,
    about: { op: string; it: Integration; volume: string },
    act: () => Promise<T>,
  ): Promise<T>;
}

/** REX-Ray's names of our drivers, which its clients send in their headers. */
const OLD_NAMES: Readonly<Record<string, readonly string[]>> = { 'local-dir': ['vfs'], ebs: ['ec2', 'aws'] };

/** libStorage v1: a second table over the same objects. */
export class V1Server {
  readonly #room: V1Room;
  readonly #tasks: Tasks;
  readonly #end = new AbortController();

  constructor(room: V1Room) {
    this.#room = room;
    this.#tasks = new Tasks(room.config);
  }

  /** Cancels what still runs. */
  abort(): void {
    this.#end.abort();
  }

  /** When every task has ended. */
  drain(): Promise<void> {
    return this.#tasks.drain();
  }

  install(fastify: FastifyInstance): void {
    const at = new Map<string, V1Route[]>();
    for (const r of V1_ROUTES) at.set(`${r.method} ${r.path}`, [...(at.get(`${r.method} ${r.path}`) ?? []), r]);
    for (const [key, rows] of at) {
      const [method = '', url = ''] = key.split(' ');
      fastify.route({ method, url, handler: (q, r) => this.#choose(rows, q, r) });
    }
    const own = (url: (typeof OWN_PATHS)[number], act: (q: FastifyRequest) => unknown): void =>
      void fastify.get(url, (q, r) => send(q, r, 200, act(q)));
    own('/services', (q) => Object.fromEntries(this.#visible(q).map((it) => [it.service, this.#info(it, q)])));
    own('/services/:service', (q) => this.#info(this.#service(q), q));
    own('/tasks', (q) => this.#tasks.list(this.#sees(q)));
    own('/tasks/:id', (q) => this.#tasks.get((q.params as { id: string }).id, this.#sees(q)));
    own('/help', () => ['/help/config', '/help/env', '/help/version']);
    own('/help/version', () => CORE_VERSION);
    for (const url of ['/help/config', '/help/env'] as const) own(url, nothingToTell);
  }

  #choose(rows: readonly V1Route[], q: FastifyRequest, r: FastifyReply): Promise<unknown> {
    const query = queryOf(q.url);
    const row = rows.find((x) => x.on !== undefined && query.has(x.on)) ?? rows.find((x) => x.on === undefined);
    if (row === undefined)
      throw new VolumeError('invalid', 'The query does not say what shall be done.', {
        details: { path: 'query', expected: rows.map((x) => `?${x.on}`).join(', ') },
        hint: `One of: ${rows.map((x) => `?${x.on}`).join(', ')}.`,
      });
    return this.#perform(row, query, q, r);
  }

  async #perform(row: V1Route, query: V1Query, q: FastifyRequest, r: FastifyReply): Promise<unknown> {
    const services = row.all === true ? this.#visible(q) : [this.#service(q)];
    const body = this.#body(row, q);
    const id = (q.params as { id?: string }).id ?? '';
    const work = services.map((it) => {
      const d = this.#doing(it, query, q);
      const about = { op: row.op, it, volume: id === '' ? String(body.name ?? '') : id };
      const act = (): Promise<unknown> => row.act(d, { id, query, body });
      return { it, act: () => (row.mutates === true ? this.#room.audited(q, about, act) : act()) };
    });
    const all = async (): Promise<unknown> => {
      if (row.all !== true) return work[0]?.act();
      const answers = await Promise.all(work.map(async (w) => [w.it.service, await w.act()] as const));
      return Object.fromEntries(answers);
    };
    const user = q.caller.via === 'socket' ? '' : q.caller.name;
    const task = this.#tasks.begin({ user, services: services.map((s) => s.service) }, q.id, all);
    const view = (): object => this.#tasks.get(String(task.id), () => true);
    task.ended.catch(() => undefined);
    if (isOn(query, 'async')) return send(q, r, 202, view());
    const late = await within(task.ended, this.#room.config.exeTimeoutMs);
    return late ? send(q, r, 408, view()) : send(q, r, row.status, await task.ended);
  }

  #body(row: V1Route, q: FastifyRequest): Readonly<Record<string, unknown>> {
    if (row.body === undefined) return {};
    checkDepth(q.body);
    return check(row.body, q.body ?? {}, 'validate req schema: body');
  }

  #doing(it: Integration, query: V1Query, q: FastifyRequest): Doing {
    const asker = this.#asker(it, q);
    const mask = maskOf(query);
    if ((mask & (MASK.mine | MASK.devices)) !== 0 && asker.instance === undefined)
      throw missing('instance ID', 'Libstorage-Instanceid');
    if ((mask & MASK.devices) !== 0 && asker.devices === undefined)
      throw missing('local devices', 'Libstorage-Localdevices');
    const { nodes } = q.caller as { nodes?: readonly string[] };
    return { it, asker, requestId: q.id, signal: this.#end.signal, ...(nodes !== undefined && { nodes }) };
  }

  #asker(it: Integration, q: FastifyRequest): Asker {
    const drivers = [it.driver, ...(OLD_NAMES[it.driver] ?? [])];
    const devices = devicesOf(q.headers);
    return {
      instance: this.#instance(it, q),
      devices: drivers.map((d) => devices.get(d)).find((d) => d !== undefined),
    };
  }

  #instance(it: Integration, q: FastifyRequest): InstanceId | undefined {
    return instanceFor(instancesOf(q.headers), it.service, [it.driver, ...(OLD_NAMES[it.driver] ?? [])]);
  }

  #info(it: Integration, q: FastifyRequest): object {
    if (!queryOf(q.url).has('instance')) return serviceInfo(it, undefined);
    const instance = this.#instance(it, q);
    if (instance === undefined) throw missing('instance ID', 'Libstorage-Instanceid');
    return serviceInfo(it, instance);
  }

  #visible(q: FastifyRequest): readonly Integration[] {
    return Object.values(this.#room.access.visible(q.caller, this.#room.services));
  }

  /** Names in any case, as REX-Ray has them. */
  #service(q: FastifyRequest): Integration {
    const { service = '' } = q.params as { service?: string };
    const services = this.#room.access.visible(q.caller, this.#room.services);
    const hit = Object.keys(services).find((s) => s.toLowerCase() === service.toLowerCase());
    return serviceOf(services, hit ?? service);
  }

  #sees(q: FastifyRequest): (service: string) => boolean {
    return (service) => this.#room.access.may(q.caller, service);
  }
}

const missing = (what: string, header: string): VolumeError<'invalid'> =>
  new VolumeError('invalid', `missing ${what}`, { details: { path: header, expected: `the header ${header}` } });

/** REX-Ray showed its environment, secrets included, to whoever had a word from its log. */
function nothingToTell(): never {
  throw new VolumeError('denied', 'This server tells its configuration and its environment to nobody.', {
    details: { rule: 'help' },
    hint: 'Ask its operator: "rexray config show" on that machine.',
  });
}

function send(q: FastifyRequest, r: FastifyReply, status: number, answer: unknown): FastifyReply {
  r.header('libstorage-servername', 'rexray').header('libstorage-tx', transaction(q.headers)).code(status);
  if (status === 204) return r.send();
  return r
    .header('content-type', 'application/json')
    .send(Buffer.from(`${JSON.stringify(answer ?? null, undefined, 2)}\n`));
}

async function within(p: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<true>((resolve) => {
    timer = setTimeout(() => resolve(true), ms);
  });
  return Promise.race([p.then(() => false as const), late]).finally(() => clearTimeout(timer));
}
