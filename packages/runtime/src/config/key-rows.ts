import { INERT_ROWS } from './inert-key-rows.ts';
import type { KeySpec } from './keys.ts';
import { SERVER_ROWS } from './server-key-rows.ts';

/** Every key that works, but for the drivers' own, which their schemas bring. In the order of the documentation. */
const WORKING_ROWS = [
  // --- services
  {
    key: 'libstorage.service',
    type: 'string',
    meaning: 'The default service. Without any configured service, one of this name with the driver of this name.',
    since: '0.4',
  },
  {
    key: 'libstorage.server.services.<name>.driver',
    type: 'string',
    meaning: 'Driver of a service; its settings stand in a section with the name of the driver beside it.',
    since: '0.4',
  },
  { key: 'libstorage.driver', type: 'string', meaning: 'Driver of services that name none.', since: '0.4' },
  {
    key: 'libstorage.storage.driver',
    type: 'string',
    meaning: 'Likewise, read after `libstorage.driver`; `libstorage` means none.',
    since: '0.4',
  },
  { key: 'rexray.service', type: 'string', meaning: 'Overrides `libstorage.service`.', since: '0.4' },
  // --- operations
  {
    key: 'libstorage.integration.volume.operations.create.default.size',
    type: 'size',
    default: '16',
    meaning: 'Size of a new volume for which none is asked; a number alone is GiB.',
    since: '0.4',
  },
  {
    key: 'libstorage.integration.volume.operations.create.default.iops',
    type: 'int',
    meaning: 'IOPS hint of a new volume.',
    since: '0.4',
  },
  {
    key: 'libstorage.integration.volume.operations.create.default.type',
    type: 'string',
    meaning: 'Type hint of a new volume (volume type, storage pool).',
    since: '0.4',
  },
  {
    key: 'libstorage.integration.volume.operations.create.default.fsType',
    type: 'fsType',
    default: 'ext4',
    meaning: 'File system of a new volume, where the driver formats.',
    since: '0.4',
    env: ['REXRAY_FSTYPE'],
  },
  {
    key: 'libstorage.integration.volume.operations.create.default.availabilityZone',
    type: 'string',
    meaning: 'Availability zone hint of a new volume.',
    since: '0.4',
  },
  {
    key: 'libstorage.integration.volume.operations.create.disable',
    type: 'bool',
    default: 'false',
    meaning: 'Create does nothing: Docker and dvdcli are told success, others `denied`.',
    since: '0.3.3',
  },
  {
    key: 'libstorage.integration.volume.operations.create.implicit',
    type: 'bool',
    default: 'false',
    meaning:
      'Mount creates a missing volume. REX-Ray documents `true`, which never took effect: it is on only where you write it.',
    since: '0.4',
  },
  {
    key: 'libstorage.integration.volume.operations.remove.disable',
    type: 'bool',
    default: 'false',
    meaning: 'Remove does nothing: Docker and dvdcli are told success, others `denied`.',
    since: '0.3.3',
  },
  {
    key: 'libstorage.integration.volume.operations.remove.force',
    type: 'bool',
    default: 'false',
    meaning: 'Default of the force option of remove.',
    since: '0.8',
  },
  {
    key: 'libstorage.integration.volume.operations.mount.preempt',
    type: 'bool',
    default: 'false',
    meaning: 'Mount takes a volume from the node that has it, after asking that node and by the fencing of the driver.',
    since: '0.3.0',
    env: ['REXRAY_PREEMPT'],
  },
  {
    key: 'libstorage.integration.volume.operations.mount.path',
    type: 'path',
    meaning: 'Directory in which volumes are mounted. Default: `volumes` in the library directory.',
    since: '0.4',
  },
  {
    key: 'libstorage.integration.volume.operations.mount.rootPath',
    type: 'string',
    default: '/data',
    meaning:
      'Directory inside the volume that callers are given; made when the volume is formatted. `/` is the root of the file system.',
    since: '0.4',
  },
  {
    key: 'libstorage.integration.volume.operations.mount.retryCount',
    type: 'int',
    default: '0',
    meaning: 'How often a call of the storage is repeated after an error that may pass.',
    since: '0.9.1',
  },
  {
    key: 'libstorage.integration.volume.operations.mount.retryWait',
    type: 'duration',
    default: '5s',
    meaning: 'Pause before such a repeat.',
    since: '0.9.1',
  },
  {
    key: 'libstorage.integration.volume.operations.unmount.ignoreUsedCount',
    type: 'bool',
    default: 'false',
    meaning:
      'An unmount without an identity of its own (dvdcli, command line) drops all holders of its class; those of engines still count.',
    since: '0.3.1',
  },
  {
    key: 'libstorage.integration.volume.operations.path.cache.enabled',
    type: 'bool',
    default: 'true',
    meaning: 'Answer path questions from what this node mounted.',
    since: '0.3.2',
    unused: true,
  },
  {
    key: 'libstorage.integration.volume.operations.path.cache.async',
    type: 'bool',
    default: 'true',
    meaning: 'Fill that cache in the background.',
    since: '0.4.2',
    unused: true,
  },
  {
    key: 'linux.volume.filemode',
    type: 'mode',
    default: '0700',
    meaning: 'Permission bits of the directory inside the volume when it is made.',
    since: '0.3.1',
  },
  {
    key: 'linux.volume.rootpath',
    type: 'string',
    default: '/data',
    meaning:
      'REX-Ray made this directory and returned `mount.rootPath`. Here they are one: this is read where `mount.rootPath` is not written.',
    since: '0.3.1',
  },
  {
    key: 'libstorage.device.attachTimeout',
    type: 'duration',
    default: '30s',
    meaning: 'How long to wait for an attached disk to appear.',
    since: '0.4',
    unused: true,
  },
  // --- this node
  {
    key: 'rexray.node.id',
    type: 'string',
    meaning: 'Identity of this node, instead of the one made in the state directory.',
    since: 'new',
  },
  {
    key: 'rexray.node.mountNamespace',
    type: 'path',
    meaning: 'Mount namespace in which the consumers run, as `/proc/<pid>`, when it is not that of process 1.',
    since: 'new',
  },
  {
    key: 'rexray.node.pathsTranslated',
    type: 'bool',
    default: 'false',
    meaning:
      'The engine translates the paths that it is told, as Docker does for a managed plugin: a mount counts as visible to its consumers wherever it is in their mount namespace.',
    since: 'new',
  },
  {
    key: 'rexray.allowRoots',
    type: 'paths',
    meaning: 'Directories below which a server may tell this node to use files and directories.',
    since: 'new',
  },
  {
    key: 'rexray.logLevel',
    type: 'logLevel',
    default: 'warn',
    meaning: 'How much is logged: panic, fatal, error, warn, info or debug.',
    since: '0.2',
    unused: true,
  },
  {
    key: 'libstorage.logging.level',
    type: 'logLevel',
    meaning: 'Read where `rexray.logLevel` is not written.',
    since: '0.4',
    unused: true,
  },
  // --- modules
  {
    key: 'rexray.modules.<name>.type',
    type: 'string',
    default: 'docker',
    meaning: 'Front end of the module.',
    since: '0.3.2',
    unused: true,
  },
  {
    key: 'rexray.modules.<name>.host',
    type: 'string',
    meaning:
      'Where the module listens, `unix:///…` or `tcp://…`. Default for `docker`: a socket of the name of the module in /run/docker/plugins; `rexray.sock` for the default module.',
    since: '0.3.2',
    unused: true,
  },
  {
    key: 'rexray.modules.<name>.desc',
    type: 'string',
    meaning: 'Description, for people.',
    since: '0.3.2',
    unused: true,
  },
  {
    key: 'rexray.modules.<name>.disabled',
    type: 'bool',
    default: 'false',
    meaning: 'The module is not started.',
    since: '0.3.2',
    unused: true,
  },
  {
    key: 'rexray.modules.<name>.spec',
    type: 'string',
    meaning: 'Docker specification file; nothing writes it since REX-Ray 0.4.',
    since: '0.3.2',
    effect: 'none',
  },
  {
    key: 'rexray.module.startTimeout',
    type: 'duration',
    default: '10s',
    meaning: 'How long a module may take to start.',
    since: '0.3.2',
    unused: true,
  },
] as const satisfies readonly KeySpec[];

export const KEY_ROWS = [...WORKING_ROWS, ...SERVER_ROWS, ...INERT_ROWS] as const;
