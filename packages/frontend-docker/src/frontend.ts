import { type Frontend, type FrontendContext, type Integration, type RunningFrontend, VolumeError } from '@rexray/core';
import { parse } from '@rexray/core/schema';
import { configSchema, type DockerConfig } from './config.ts';
import { announce, type Discovery } from './discovery.ts';
import { Kept } from './kept.ts';
import { type Leaks, watchLeaks } from './leaks.ts';
import { type Listening, listen } from './listen.ts';
import { Calls } from './server.ts';

/**
 * The volume plugin on its socket. Starting it never asks an engine anything, so that either may start first.
 * @param context its `signal` ends it at once: what can be rolled back is. `close()` lets calls finish.
 * @throws VolumeError `in_use` (another plugin answers there), `denied`, `invalid`
 */
export async function createDockerPlugin(
  context: FrontendContext,
  config: Partial<DockerConfig> = {},
): Promise<RunningFrontend> {
  const c = parse(configSchema, config, 'configuration of the Docker front end');
  if (context.signal.aborted)
    throw new VolumeError('canceled', 'The plugin was stopped before it began.', { details: {} });
  const service = serviceOf(context, c.service);
  const { logger } = context;
  let leaks: Leaks | undefined;
  const kept = new Kept(context.events, service.service);
  const room = {
    kept,
    service,
    logger,
    scope: c.scope,
    listMs: c.listMs,
    onMount: (volume: string) => leaks?.mounted(volume),
  };
  const calls = new Calls(room, c);
  const listening = await listen(c, calls.listener).catch((e: unknown) => {
    kept.close();
    throw e;
  });
  let discovery: Discovery | undefined;
  try {
    if (c.discovery !== undefined) discovery = await announce(c.discovery, listening.address, c.client);
  } catch (e) {
    kept.close();
    await listening.hide();
    listening.server.close();
    throw e;
  }
  leaks =
    c.engine === undefined ? undefined : watchLeaks({ engine: c.engine, service, logger, events: context.events });
  logger.info({ address: listening.address, service: service.service }, 'the volume plugin listens');
  return running(context.signal, { listening, calls, leaks, discovery, kept });
}

interface Parts {
  readonly listening: Listening;
  readonly calls: Calls;
  readonly leaks: Leaks | undefined;
  readonly discovery: Discovery | undefined;
  readonly kept: Kept;
}

function running(signal: AbortSignal, { listening, calls, leaks, discovery, kept }: Parts): RunningFrontend {
  const { server, address } = listening;
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    signal.removeEventListener('abort', stop);
    // The name goes first: whoever comes now finds no plugin and tries again, for 15 s; a request that is cut off would come back empty.
    await Promise.all([discovery?.remove(), listening.hide(), leaks?.stop()]);
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    await calls.drain();
    kept.close();
    server.closeIdleConnections();
    // An answer may still be on its way; what is left after a moment is a client that does not read.
    const impatient = setTimeout(() => server.closeAllConnections(), 2000);
    await closed;
    clearTimeout(impatient);
  };
  const once = (): Promise<void> => {
    closing ??= close();
    return closing;
  };
  const stop = (): void => {
    calls.cancelAll();
    void once();
  };
  signal.addEventListener('abort', stop, { once: true });
  return {
    addresses: [address],
    async health() {
      return (await listening.ours())
        ? { ok: true }
        : { ok: false, detail: `${address} was removed or replaced: engines do not find this plugin` };
    },
    close: once,
  };
}

function serviceOf(context: FrontendContext, wanted: string | undefined): Integration {
  const names = Object.keys(context.services);
  const name = wanted ?? context.defaultService ?? (names.length === 1 ? names[0] : undefined);
  const service = name !== undefined && Object.hasOwn(context.services, name) ? context.services[name] : undefined;
  if (service !== undefined) return service;
  throw new VolumeError(
    'invalid',
    name === undefined
      ? 'The volume plugin needs a service, and none is the default.'
      : `The volume plugin needs the service "${name}", which is not configured.`,
    {
      details: { path: 'service', ...(name !== undefined && { value: name }), expected: names.join(', ') },
      hint: `Configured: ${names.join(', ') || 'none'}. Name one in the module, or set libstorage.service.`,
    },
  );
}

export class DockerFrontend implements Frontend {
  readonly #config: DockerConfig;
  constructor(config: DockerConfig) {
    this.#config = config;
  }
  start(context: FrontendContext): Promise<RunningFrontend> {
    return createDockerPlugin(context, this.#config);
  }
}
