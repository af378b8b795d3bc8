import { join } from 'node:path';
import { type Integration, type Logger, type NodeStore, silentLogger } from '@rexray/core';
import localLoop from '@rexray/driver-local-loop';
import { descriptors } from '@rexray/host-linux';
import { openRexray, type Rexray } from '@rexray/runtime';
import { LmdbStore } from '@rexray/store-lmdb';

export interface Place {
  readonly home: string;
  readonly images: string;
  readonly rex: Rexray<never>;
  readonly volumes: Integration;
  readonly store: NodeStore;
}

export interface PlaceOptions {
  readonly home: string;
  readonly host?: 'in-process' | 'worker';
  readonly logger?: Logger;
  /** Looks after claims and what was left, as a daemon does. */
  readonly watch?: boolean;
}

export const stateOf = (home: string): string => join(home, 'var/lib/state');
export const imagesOf = (home: string): string => join(home, 'images');

/** REX-Ray over loop devices below a directory, its node state within reach. No watcher is left behind. */
export async function openPlace(o: PlaceOptions): Promise<Place> {
  const { home, host = 'in-process', logger = silentLogger, watch = false } = o;
  const images = imagesOf(home);
  const store = new LmdbStore({ dir: stateOf(home) }, descriptors, logger);
  const rex = await openRexray({
    home,
    // The suite may run in a mount namespace of its own.
    node: { mountNamespace: '/proc/self' },
    services: { loop: localLoop({ volumePath: images }) },
    host,
    logger,
    store,
    watch,
    leaveWatcher: () => false,
  });
  return { home, images, rex: rex as never, volumes: rex.service('loop').integration, store };
}
