import type { HostDriver, Logger, NodeStore } from '@rexray/core';
import { openRexray, type Rexray } from '@rexray/runtime';
import type { EffectiveConfig } from '@rexray/runtime/config';
import { checkServices } from '@rexray/runtime/daemon';
import type { Redactor } from '../redact.ts';
import { InFlight } from './live-services.ts';

/** What outlives one configuration. */
export interface Foundation {
  readonly host: HostDriver;
  readonly store: NodeStore;
  readonly logger: Logger;
  readonly redactor: Redactor;
  /** The daemon ends: mounts stay, and somebody else must look after them. */
  readonly ending: () => boolean;
}

/** One configuration at work. */
export interface Generation {
  readonly config: EffectiveConfig;
  readonly rex: Rexray;
  readonly inFlight: InFlight;
}

/**
 * Opens a configuration over the host and the state that are there already: nothing that is mounted is touched.
 * @throws VolumeError `invalid` …: then nothing was opened
 */
export async function openGeneration(config: EffectiveConfig, f: Foundation): Promise<Generation> {
  for (const s of (await checkServices(config)).services) f.redactor.learn(s.schemas, s.config);
  const rex = await openRexray({
    loaded: config,
    host: lent(f.host),
    store: lent(f.store),
    drivers: 'worker',
    background: true,
    logger: f.logger,
    leaveWatcher: f.ending,
  });
  return { config, rex, inFlight: new InFlight() };
}

/** A generation closes what it was given; these are not its own. */
const lent = <T extends { close(): Promise<void> }>(it: T): T =>
  new Proxy(it, {
    get(target, key) {
      if (key === 'close') return async () => {};
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
