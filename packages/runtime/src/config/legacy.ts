/**
 * Keys of REX-Ray 0.3 and what they are called since 0.4. They work: their values lie below the file's own, so that a
 * present key that somebody wrote wins. Whoever writes one is told the present name, once.
 */
import { isSet, leaves, type Node, set } from './tree.ts';

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

/** `rexray.storageDrivers` was a list: its first is the service. An empty one is none. */
export function legacyValue(now: string, value: unknown): unknown {
  if (now !== 'libstorage.service') return value;
  const [first] = Array.isArray(value) ? value : String(value).split(/[\s,]+/);
  return first === undefined || first === '' ? null : first;
}

/** What the tree says in words of 0.3, in present ones. */
export function legacyTree(tree: Node): Node {
  let out: Node = { name: '', children: new Map() };
  for (const { path, leaf } of leaves(tree)) {
    const now = leaf.value === null ? undefined : legacyKey(path.join('.'));
    if (now === undefined || now === '') continue;
    const value = legacyValue(now, leaf.value);
    if (value !== null) out = set(out, now.split('.'), { ...leaf, value });
  }
  return out;
}

/** Names that a key had in the environment of 0.3: `REXRAY_VOLUME_MOUNT_PREEMPT`, `DOCKER_SIZE`. */
export const legacyEnvNames = (key: string): readonly string[] => OLD_NAMES.get(key.toLowerCase()) ?? [];
const OLD_NAMES: ReadonlyMap<string, readonly string[]> = Object.entries(LEGACY_KEYS).reduce(
  (all, [old, now]) =>
    now === ''
      ? all
      : all.set(now.toLowerCase(), [...(all.get(now.toLowerCase()) ?? []), old.toUpperCase().replaceAll('.', '_')]),
  new Map<string, string[]>(),
);

/** Whether a present key was written although its old one was too: then the old one says nothing. */
export const overruled = (tree: Node, now: string): boolean => {
  let node: Node | undefined = tree;
  for (const part of now.toLowerCase().split('.')) node = node?.children.get(part);
  return isSet(node);
};
