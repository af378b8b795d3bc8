import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { EventSource, Integration } from '@rexray/core';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** From a cached read to a slow cloud, in seconds. */
const BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
/** Holders are counted when somebody looks, and not waited for longer than so, in ms. */
const LOOK_MS = 1_000;

export interface MetricsSource {
  readonly services: Readonly<Record<string, Integration>>;
  readonly events: EventSource;
  running(): number;
}

/** What happens here, as Prometheus reads it: of every front end of this process, since all of them tell the same events. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #subscriptions: readonly Disposable[];
  readonly #delay: IntervalHistogram = monitorEventLoopDelay({ resolution: 20 });
  readonly #requests: Counter<'method' | 'route' | 'status'>;
  readonly #requestSeconds: Histogram<'method' | 'route'>;

  constructor(source: MetricsSource) {
    this.#delay.enable();
    this.#requests = this.#counter('http_requests_total', 'Requests by route and status', [
      'method',
      'route',
      'status',
    ]);
    this.#requestSeconds = this.#histogram('http_request_duration_seconds', 'How long requests took', [
      'method',
      'route',
    ]);
    this.#subscriptions = [...this.#ofVerbs(source.events), ...this.#ofDrivers(source.events)];
    this.#gauges(source);
  }

  request(method: string, route: string, status: number, ms: number): void {
    this.#requests.inc({ method, route, status: String(status) });
    this.#requestSeconds.observe({ method, route }, ms / 1000);
  }

  /** @param sees services of which the reader may know; series of others are left out */
  async text(sees: (service: string) => boolean): Promise<{ readonly type: string; readonly body: string }> {
    const body = await this.#registry.metrics();
    const lines = body.split('\n').filter((line) => {
      const service = /[{,]service="((?:[^"\\]|\\.)*)"/.exec(line)?.[1];
      return service === undefined || sees(service.replace(/\\(.)/g, '$1'));
    });
    return { type: this.#registry.contentType, body: lines.join('\n') };
  }

  close(): void {
    for (const s of this.#subscriptions) s[Symbol.dispose]();
    this.#delay.disable();
    this.#registry.clear();
  }

  #ofVerbs(events: EventSource): readonly Disposable[] {
    const done = this.#counter('operations_total', 'Verbs that ended; code "ok" or that of the error', [
      'verb',
      'service',
      'code',
    ]);
    const seconds = this.#histogram('operation_duration_seconds', 'How long verbs took', ['verb', 'service']);
    const lost = this.#counter('volumes_lost_total', 'Mounted volumes that another node took', ['service']);
    return [
      events.on('op.done', (x) => {
        done.inc({ verb: x.op, service: x.service, code: x.error?.code ?? 'ok' });
        seconds.observe({ verb: x.op, service: x.service }, x.ms / 1000);
      }),
      events.on('volume.lost', (x) => lost.inc({ service: x.service })),
    ];
  }

  #ofDrivers(events: EventSource): readonly Disposable[] {
    const calls = this.#counter('driver_calls_total', 'Calls of storage drivers, each try', [
      'verb',
      'service',
      'code',
    ]);
    const retries = this.#counter('driver_retries_total', 'Calls that were another try', ['verb', 'service']);
    const seconds = this.#histogram('driver_call_duration_seconds', 'How long calls of drivers took', [
      'verb',
      'service',
    ]);
    const locks = this.#histogram('lock_wait_seconds', 'How long verbs waited for their volume', ['service']);
    return [
      events.on('driver.call', (x) => {
        calls.inc({ verb: x.op, service: x.service, code: x.code ?? 'ok' });
        if (x.attempt > 1) retries.inc({ verb: x.op, service: x.service });
        seconds.observe({ verb: x.op, service: x.service }, x.ms / 1000);
      }),
      events.on('lock.wait', (x) => locks.observe({ service: x.service }, x.ms / 1000)),
    ];
  }

  #gauges(source: MetricsSource): void {
    const delay = this.#delay;
    this.#gauge('operations_running', 'Verbs that run now', [], (g) => g.set(source.running()));
    this.#gauge('process_resident_memory_bytes', 'Memory of the server', [], (g) => g.set(process.memoryUsage.rss()));
    this.#gauge('event_loop_delay_seconds', 'Delay of the event loop since it was last read', ['quantile'], (g) => {
      for (const q of [50, 99]) g.set({ quantile: String(q / 100) }, delay.percentile(q) / 1e9);
      g.set({ quantile: '1' }, delay.max / 1e9);
      delay.reset();
    });
    const counts = looker(source);
    this.#gauge('mounts', 'Volumes that are mounted on this node', ['service'], async (g) => {
      g.reset();
      for (const c of await counts()) g.set({ service: c.service }, c.mounts);
    });
    this.#gauge('holders', 'Who needs them, counted', ['service'], async (g) => {
      g.reset();
      for (const c of await counts()) g.set({ service: c.service }, c.holders);
    });
  }

  #counter<L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> {
    return new Counter({ name: `rexray_${name}`, help, labelNames: [...labelNames], registers: [this.#registry] });
  }
  #histogram<L extends string>(name: string, help: string, labelNames: readonly L[]): Histogram<L> {
    const o = { name: `rexray_${name}`, help, labelNames: [...labelNames], buckets: BUCKETS };
    return new Histogram({ ...o, registers: [this.#registry] });
  }
  #gauge<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    collect?: (g: Gauge<L>) => void | Promise<void>,
  ): Gauge<L> {
    return new Gauge({
      name: `rexray_${name}`,
      help,
      labelNames: [...labelNames],
      registers: [this.#registry],
      ...(collect !== undefined && {
        collect() {
          return collect(this as unknown as Gauge<L>);
        },
      }),
    });
  }
}

interface Counted {
  readonly service: string;
  readonly mounts: number;
  readonly holders: number;
}

/** Both gauges of one reading see the same. */
function looker(source: MetricsSource): () => Promise<readonly Counted[]> {
  let last: { readonly at: number; readonly counts: Promise<readonly Counted[]> } | undefined;
  return () => {
    const now = performance.now();
    if (last === undefined || now - last.at > 100)
      last = { at: now, counts: Promise.all(Object.values(source.services).map(counted)).then((all) => all.flat()) };
    return last.counts;
  };
}

async function counted(it: Integration): Promise<readonly Counted[]> {
  try {
    const all = await it.holders.list({ timeoutMs: LOOK_MS });
    const holders = all.reduce((n, h) => n + h.count, 0);
    return [{ service: it.service, mounts: new Set(all.map((h) => h.volume)).size, holders }];
  } catch {
    // A service that does not answer has no number: an old one would be a lie.
    return [];
  }
}
