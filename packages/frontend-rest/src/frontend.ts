import { type Frontend, type FrontendContext, type RunningFrontend, VolumeError } from '@rexray/core';
import { parse } from '@rexray/core/schema';
import { type App, buildApp } from './app.ts';
import { Audit } from './audit.ts';
import { Access } from './auth/callers.ts';
import { configSchema, type RestConfig } from './config.ts';
import { assertGuarded, type Listener, openEndpoint } from './listen/listeners.ts';
import { exportSpans } from './otlp.ts';
import { type ClaimedSocket, claimSocket } from './socket.ts';

/** Settings as they are given: what is left out has a default. */
export type RestSettings = { readonly [K in keyof RestConfig]?: DeepPartial<RestConfig[K]> };
type DeepPartial<T> = T extends readonly unknown[] ? T : T extends object ? { [K in keyof T]?: DeepPartial<T[K]> } : T;

/**
 * The server on its socket and its endpoints, of whoever embeds it. Without `endpoints` nothing but the socket listens.
 * @param context its `signal` ends it at once: verbs that run are canceled and rolled back. `close()` lets them finish.
 * @throws VolumeError `in_use` (another server answers there), `denied` (TCP without TLS or authentication), `invalid`
 */
export async function createRestServer(context: FrontendContext, config: RestSettings = {}): Promise<RunningFrontend> {
  const c = parse(configSchema, config, 'configuration of the REST front end');
  if (context.signal.aborted)
    throw new VolumeError('canceled', 'The server was stopped before it began.', { details: {} });
  const access = await Access.open(c.auth);
  const audit = await Audit.open(c.audit, context.logger);
  for (const [name, e] of Object.entries(c.endpoints)) assertGuarded(name, e, access);
  let open: { readonly socket: ClaimedSocket; readonly listeners: readonly Listener[] } | undefined;
  const health = async (): Promise<{ ok: boolean; detail?: string }> => {
    const faults = await Promise.all((open?.listeners ?? []).map((l) => l.health()));
    if (open !== undefined && !(await open.socket.ours()))
      faults.unshift(`${c.socket} was removed or replaced: nobody finds this server`);
    const detail = faults.filter((f) => f !== undefined).join('; ');
    return detail === '' ? { ok: true } : { ok: false, detail };
  };
  const endSpans = await exportSpans(process.env, context.logger);
  const app = buildApp(context, { config: c, access, audit, health });
  try {
    open = await listenEverywhere(app, c, context);
  } catch (e) {
    await app.drain();
    await app.close();
    await Promise.all([audit.close(), endSpans()]);
    throw e;
  }
  const { socket, listeners } = open;
  const close = once(async () => {
    // The name goes first: whoever comes now finds no server, not one that refuses.
    await socket.remove();
    const ended = [app.close(), ...listeners.map((l) => l.close())];
    await Promise.all([...ended, app.drain()]);
    await Promise.all([audit.close(), endSpans()]);
    // Until here: who waits for the end may lose patience with the verbs that still run.
    context.signal.removeEventListener('abort', stop);
  });
  const stop = (): void => {
    app.abort();
    void close();
  };
  context.signal.addEventListener('abort', stop, { once: true });
  const addresses = [`unix://${c.socket}`, ...listeners.map((l) => l.url)];
  context.logger.info({ addresses, services: Object.keys(context.services) }, 'REST listens');
  return { addresses, health, close };
}

/** All of them, or none. */
async function listenEverywhere(
  app: App,
  c: RestConfig,
  context: FrontendContext,
): Promise<{ socket: ClaimedSocket; listeners: readonly Listener[] }> {
  const listeners: Listener[] = [];
  let socket: ClaimedSocket | undefined;
  try {
    socket = await claimSocket(c.socket, (path) => app.fastify.listen({ path }));
    for (const [name, e] of Object.entries(c.endpoints)) {
      if (e.tls === undefined && !e.address.startsWith('unix') && !e.address.startsWith('/'))
        context.logger.warn({ endpoint: name, address: e.address }, 'this endpoint has no TLS, as it was configured');
      listeners.push(await openEndpoint(name, e, app.answering, context.logger));
    }
    return { socket, listeners };
  } catch (e) {
    await socket?.remove();
    await Promise.all(listeners.map((l) => l.close()));
    throw e;
  }
}

function once<T>(act: () => Promise<T>): () => Promise<T> {
  let done: Promise<T> | undefined;
  return () => {
    done ??= act();
    return done;
  };
}

export class RestFrontend implements Frontend {
  readonly #config: RestConfig;
  constructor(config: RestConfig) {
    this.#config = config;
  }
  start(context: FrontendContext): Promise<RunningFrontend> {
    return createRestServer(context, this.#config);
  }
}
