import { type HostDriver, type Logger, type NodeStore, VolumeError } from '@rexray/core';
import type { EffectiveConfig } from '../config/index.ts';

/** Settings of this machine's host driver, from the configuration. */
export function hostSettings(config: EffectiveConfig): Record<string, unknown> {
  const { id, mountNamespace } = config.node;
  return {
    stateDir: config.paths.state,
    ...(id !== undefined && { nodeId: id }),
    ...(mountNamespace !== undefined && { mountNamespace }),
    ...(config.allowRoots.length > 0 && { allowRoots: [...config.allowRoots] }),
  };
}

/** Loaded by name, so that a package that only embeds with its own host never loads this one. */
export async function openHost(
  config: EffectiveConfig,
  wanted: 'in-process' | 'worker' | HostDriver,
): Promise<HostDriver> {
  if (typeof wanted === 'object') return wanted;
  if (process.platform !== 'linux') {
    throw new VolumeError('unsupported', `Volumes can be mounted on Linux only; this is ${process.platform}.`, {
      details: { missing: 'linux' },
      hint: 'Use a REST client to a server on Linux.',
    });
  }
  const linux = await import('@rexray/host-linux');
  const settings = hostSettings(config) as never;
  return wanted === 'worker' ? new linux.WorkerHost(settings) : new linux.LinuxHost(settings);
}

export async function openStore(config: EffectiveConfig, logger: Logger): Promise<NodeStore> {
  const [{ LmdbStore }, { descriptors }] = await Promise.all([
    import('@rexray/store-lmdb'),
    import('@rexray/host-linux'),
  ]);
  return new LmdbStore({ dir: config.paths.state }, descriptors, logger);
}
