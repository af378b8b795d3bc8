import { type Frontend, type FrontendContext, type RunningFrontend, VolumeError } from '@rexray/core';
import { parse } from '@rexray/core/schema';
import { buildApp } from './app.ts';
import { configSchema, type RestConfig } from './config.ts';
import { claimSocket } from './socket.ts';

/**
 * The server on its socket, of whoever embeds it.
 * @param context its `signal` ends it at once: verbs that run are canceled and rolled back. `close()` lets them finish.
 * @throws VolumeError `in_use` (another server answers there), `denied`, `invalid`
 */
export async function createRestServer(
  context: FrontendContext,
  config: Partial<RestConfig> = {},
): Promise<RunningFrontend> {
  const c = parse(configSchema, config, 'configuration of the REST front end');
  if (context.signal.aborted)
    throw new VolumeError('canceled', 'The server was stopped before it began.', { details: {} });
  let ours = async (): Promise<boolean> => true;
  const health = async (): Promise<{ ok: boolean; detail?: string }> =>
    (await ours())
      ? { ok: true }
      : { ok: false, detail: `${c.socket} was removed or replaced: nobody finds this server` };
  const app = buildApp(context, c, health);
  let socket: Awaited<ReturnType<typeof claimSocket>>;
  try {
    socket = await claimSocket(c.socket, (path) => app.fastify.listen({ path }));
  } catch (e) {
    await app.drain();
    await app.fastify.close();
    throw e;
  }
  ours = () => socket.ours();
  const close = once(async () => {
    // The name goes first: whoever comes now finds no server, not one that refuses.
    await socket.remove();
    await Promise.all([app.fastify.close(), app.drain()]);
    // Until here: who waits for the end may lose patience with the verbs that still run.
    context.signal.removeEventListener('abort', stop);
  });
  const stop = (): void => {
    app.operations.cancelAll();
    void close();
  };
  context.signal.addEventListener('abort', stop, { once: true });
  context.logger.info({ socket: c.socket, services: Object.keys(context.services) }, 'REST listens');
  return { addresses: [`unix://${c.socket}`], health, close };
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
