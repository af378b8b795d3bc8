import { DESCRIPTORS, type HostDriver, type Logger, type NodeStore, VolumeError } from '@rexray/core';
import type { EffectiveConfig } from '../config/index.ts';
import { createPlugin, provide } from '../plugins/index.ts';

/** Settings of this machine's host driver, from the configuration. */
export function hostSettings(config: EffectiveConfig): Record<string, unknown> {
  const { id, mountNamespace, pathsTranslated } = config.node;
  return {
    stateDir: config.paths.state,
    ...(id !== undefined && { nodeId: id }),
    ...(mountNamespace !== undefined && { mountNamespace }),
    ...(pathsTranslated === true && { pathsTranslated }),
    ...(config.allowRoots.length > 0 && { allowRoots: [...config.allowRoots] }),
  };
}

/** Loaded by name, so that a package that only embeds with its own host never loads this one. */
export async function openHost(
  config: EffectiveConfig,
  wanted: 'in-process' | 'worker' | HostDriver,
  logger: Logger,
): Promise<HostDriver> {
  if (typeof wanted === 'object') return wanted;
  if (process.platform !== 'linux') {
    throw new VolumeError('unsupported', `Volumes can be mounted on Linux only; this is ${process.platform}.`, {
      details: { missing: 'linux' },
      hint: 'Use a REST client to a server on Linux.',
    });
  }
  const linux = await import('@rexray/host-linux');
  const surroundings = { service: 'this host', config: hostSettings(config), logger, libDir: config.paths.lib };
  const { plugin } = linux.default;
  return createPlugin<HostDriver>(wanted === 'worker' ? { ...plugin, create: linux.WorkerHost } : plugin, surroundings);
}

/** The node's state, in the state directory. */
export async function openStore(config: EffectiveConfig, logger: Logger): Promise<NodeStore> {
  const [lmdb, { descriptors }] = await Promise.all([import('@rexray/store-lmdb'), import('@rexray/host-linux')]);
  return createPlugin<NodeStore>(lmdb.default.plugin, {
    service: 'the node state',
    config: { dir: config.paths.state },
    logger,
    libDir: config.paths.lib,
    extra: [provide(DESCRIPTORS, descriptors)],
  });
}
