/** What a person's check-up of this machine needs: its facts, its services, and what nobody answers for. */
import { EventBus, type HostFacts, type Logger, type Orphan } from '@rexray/core';
import type { EffectiveConfig } from './config/index.ts';
import { openEngine } from './engine/engine.ts';
import { openHost, openStore } from './engine/places.ts';
import { serviceParts } from './engine/services.ts';
import { policyOf } from './open.ts';

export interface Examination {
  readonly facts: HostFacts;
  readonly orphans: readonly Orphan[];
  /** @throws VolumeError `in_use`, `busy`, `invalid` */
  giveBack(o: Orphan): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens the services in this process, beside a daemon too (S4 makes that safe), and looks. A service that cannot be opened
 * says so to the logger and has no orphans.
 */
export async function examine(config: EffectiveConfig, logger: Logger): Promise<Examination> {
  const services = await serviceParts(config, { logger, policyOf: (s) => policyOf(config, s) });
  const host = await openHost(config, 'in-process', logger);
  const store = await openStore(config, logger);
  const engine = await openEngine({ services, host, store, events: new EventBus(), logger, watch: false });
  const { boundImages } = await import('@rexray/host-linux');
  const orphans = await engine.orphans(boundImages()).catch(async (e: unknown) => {
    await engine.close();
    throw e;
  });
  return { facts: engine.facts, orphans, giveBack: (o) => engine.giveBack(o), close: () => engine.close() };
}
