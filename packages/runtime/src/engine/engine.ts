import {
  type EventSource,
  giveBack,
  type HostFacts,
  isVolumeError,
  type Orphan,
  orphans,
  RECOVERED,
  type Reconciled,
  retryLeftovers,
  type Scratch,
  SET_ASIDE,
  type Service,
  type SetAside,
  service,
  VolumeError,
  WATCH_MS,
  watchOnce,
} from '@rexray/core';
import { CLOSE_GRACE_MS, Gate } from './gate.ts';
import type { EngineParts } from './parts.ts';
import { scratchBook } from './scratch-book.ts';
import { ServiceRuntime, startCtx } from './service-runtime.ts';

/** The services of one process over one host and one store. */
export interface Engine {
  readonly services: readonly string[];
  readonly events: EventSource;
  readonly facts: HostFacts;
  /** Handles over the service's integration. @throws `not_found` with the names that exist */
  service(name: string): Service;
  /** What nobody answers for, in every service that can be opened; gives nothing back. */
  orphans(bound: readonly string[]): Promise<readonly Orphan[]>;
  /** @throws `in_use`, `busy`, `invalid` */
  giveBack(o: Orphan): Promise<void>;
  /** What the watch also does from time to time: finish what this process had to leave. */
  retryLeftovers(): Promise<readonly Reconciled[]>;
  /** One look of the watch at every mounted volume, whether it is still ours (S11). */
  look(): Promise<void>;
  /**
   * Lets no verb begin, removes this process's scratch volumes, waits for the verbs that run (after `graceMs`, default
   * 10,000, they are canceled and undone), ends watching, closes drivers, host and store. Mounts stay. Always the same
   * promise: closing again waits for the first.
   */
  close(o?: { readonly graceMs?: number | undefined }): Promise<void>;
}

/** Opens what can be opened: a service whose backend is away answers `unavailable` and is tried again when it is used. */
export async function openEngine(parts: EngineParts): Promise<Engine> {
  const ctx = startCtx(60_000);
  await tellSetAside(parts);
  const facts = await parts.host.facts(ctx);
  const self = await parts.host.identify(process.pid, ctx);
  if (self === undefined)
    throw new VolumeError('internal', 'This process cannot be found in /proc.', {
      details: { step: 'identify' },
      hint: 'Is /proc mounted?',
    });
  const gate = new Gate();
  const runtimes = new Map(parts.services.map((p) => [p.name, new ServiceRuntime(p, parts, { facts, self, gate })]));
  const opening = Promise.all(
    [...runtimes.values()].map((r) =>
      r.open(ctx).catch((e: unknown) => {
        parts.logger.error(
          { service: r.name, err: isVolumeError(e) ? e.text : String((e as Error)?.stack ?? e) },
          'the service could not be opened; it is tried again when it is used',
        );
        parts.events.emit('warning', {
          message: `Service "${r.name}" could not be opened: ${isVolumeError(e) ? e.message : String(e)}`,
          service: r.name,
          at: new Date().toISOString(),
        });
      }),
    ),
  );
  if (parts.background !== true) await opening;
  const scratches = new Set<Scratch>();
  const handles = new Map(
    [...runtimes.values()].map((r) => [
      r.name,
      service(r.integration, { book: scratchBook(async () => (await r.open(startCtx(60_000))).env), open: scratches }),
    ]),
  );
  const watching = watcher(runtimes, parts);
  let closing: Promise<void> | undefined;
  return {
    services: [...runtimes.keys()],
    events: parts.events,
    facts,
    service: (name) => handles.get(name) ?? unknown(name, [...handles.keys()]),
    orphans: async (bound) => {
      const opened = await Promise.all([...runtimes.values()].map((r) => r.current()));
      const found = opened.map((o) => (o === undefined ? [] : orphans(o.env, bound, startCtx(60_000))));
      return (await Promise.all(found)).flat();
    },
    giveBack: async (o) => {
      const runtime = runtimes.get(o.service);
      if (runtime === undefined) return unknown(o.service, [...runtimes.keys()]);
      await giveBack((await runtime.open(startCtx(60_000))).env, o, startCtx(60_000));
    },
    retryLeftovers: async () => {
      const opened = await Promise.all([...runtimes.values()].map((r) => r.current()));
      const rounds = opened.map((o) => (o === undefined ? [] : retryLeftovers(o.env, startCtx(60_000))));
      return (await Promise.all(rounds)).flat();
    },
    look: async () => {
      const opened = await Promise.all([...runtimes.values()].map((r) => r.current()));
      await Promise.all(opened.flatMap((o) => (o === undefined ? [] : [watchOnce(o.env)])));
    },
    close: (o) => {
      closing ??= close(parts, runtimes, scratches, { watching, gate, graceMs: o?.graceMs ?? CLOSE_GRACE_MS });
      return closing;
    },
  };
}

/** State that did not verify was put aside by the store: what it knew is unknown, not empty. */
async function tellSetAside({ store, events, logger }: EngineParts): Promise<void> {
  for (const [, note] of await store.list<SetAside>(SET_ASIDE)) {
    const message = `An earlier state of this node was damaged and is kept as ${note.path}; volumes that are mounted are written down again with the holder "${RECOVERED}".`;
    logger.warn({ path: note.path }, message);
    events.emit('warning', { message, at: new Date().toISOString() });
  }
}

function unknown(name: string, names: readonly string[]): never {
  throw new VolumeError('not_found', `Service "${name}" is not configured.`, {
    details: { what: 'service', near: names },
    hint: `Configured: ${names.join(', ') || 'none'}.`,
  });
}

/** Every {@link WATCH_MS}, each service by itself: one whose storage hangs delays no other. Does not keep the process alive. */
function watcher(runtimes: ReadonlyMap<string, ServiceRuntime>, parts: EngineParts): { stop(): Promise<void> } {
  if (parts.watch === false) return { stop: async () => {} };
  const rounds = new Set<Promise<unknown>>();
  const stopping = new AbortController();
  const timer = setInterval(() => {
    for (const r of runtimes.values()) {
      if (r.ready === undefined) continue;
      const round = watchOnce(r.ready.env, stopping.signal).catch((e: unknown) =>
        parts.logger.warn({ service: r.name, err: String(e) }, 'looking after the claims failed; tried again'),
      );
      rounds.add(round);
      void round.finally(() => rounds.delete(round));
    }
  }, WATCH_MS);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      stopping.abort();
      await Promise.all(rounds);
    },
  };
}

async function close(
  parts: EngineParts,
  runtimes: ReadonlyMap<string, ServiceRuntime>,
  scratches: ReadonlySet<Scratch>,
  o: { readonly watching: { stop(): Promise<void> }; readonly gate: Gate; readonly graceMs: number },
): Promise<void> {
  o.gate.refuse([...scratches].map((s) => s.name));
  await endScratches(parts, scratches);
  if (!(await o.gate.drain(o.graceMs)))
    parts.logger.error({}, 'verbs that were canceled did not end; the next open finishes what they left');
  await o.watching.stop();
  const left: string[] = [];
  for (const r of runtimes.values()) {
    const open = await r.current();
    if (open !== undefined && open.env.driver.owner !== undefined && (await mounts(open.env.store, r.name)) > 0)
      left.push(r.name);
  }
  try {
    if (left.length > 0) await parts.leaveWatcher?.(left);
  } catch (e) {
    parts.logger.error({ err: String(e) }, 'volumes stay mounted and nobody looks after their claims');
  }
  for (const r of runtimes.values()) await r.driver.close?.();
  await parts.host.close();
  await parts.store.close();
}

async function endScratches(parts: EngineParts, scratches: ReadonlySet<Scratch>): Promise<void> {
  for (const s of [...scratches]) {
    try {
      await s[Symbol.asyncDispose]();
    } catch (e) {
      parts.logger.warn(
        { volume: s.name, err: String(e) },
        'a scratch volume could not be removed; the next open does it',
      );
    }
  }
}

async function mounts(store: EngineParts['store'], name: string): Promise<number> {
  const rows = await store.list<{ mount?: unknown; lost?: unknown }>(`volume/${name}/`);
  return rows.filter(([, v]) => v.mount !== undefined && v.lost === undefined).length;
}
