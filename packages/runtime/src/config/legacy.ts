/**
 * Keys of REX-Ray 0.3 and what they are called since 0.4. They are recognised (a file that has one is told the new name);
 * reading them as the new ones is one more tree under the file's own, made from this table.
 */
export const LEGACY_KEYS: Readonly<Record<string, string>> = {
  'rexray.volume.mount.preempt': 'libstorage.integration.volume.operations.mount.preempt',
  'rexray.volume.create.disable': 'libstorage.integration.volume.operations.create.disable',
  'rexray.volume.remove.disable': 'libstorage.integration.volume.operations.remove.disable',
  'rexray.volume.unmount.ignoreusedcount': 'libstorage.integration.volume.operations.unmount.ignoreUsedCount',
  'rexray.volume.path.cache': 'libstorage.integration.volume.operations.path.cache.enabled',
  'docker.fsType': 'libstorage.integration.volume.operations.create.default.fsType',
  'docker.volumeType': 'libstorage.integration.volume.operations.create.default.type',
  'docker.iops': 'libstorage.integration.volume.operations.create.default.iops',
  'docker.size': 'libstorage.integration.volume.operations.create.default.size',
  'docker.availabilityZone': 'libstorage.integration.volume.operations.create.default.availabilityZone',
  'docker.mountDirPath': 'libstorage.integration.volume.operations.mount.path',
  'rexray.storageDrivers': 'libstorage.service',
  'rexray.osDrivers': '',
  'rexray.volumeDrivers': '',
};

const lower = new Map(Object.entries(LEGACY_KEYS).map(([old, now]) => [old.toLowerCase(), now]));

/** The key's present name; `''` for one that means nothing any more; undefined when it is not a key of 0.3. Also without `rexray.`, and with it. */
export function legacyKey(key: string): string | undefined {
  const k = key.toLowerCase();
  return lower.get(k) ?? lower.get(`rexray.${k}`) ?? lower.get(k.replace(/^rexray\./, ''));
}
