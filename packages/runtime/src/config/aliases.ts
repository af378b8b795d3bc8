/** Names that a driver had in REX-Ray. A table here, since an alias cannot be known before its plugin is loaded. */
export interface DriverAlias {
  readonly driver: string;
  /** Settings that had another name: `vfs.root` is `local-dir.volumePath`. */
  readonly keys?: Readonly<Record<string, string>>;
}
export const DRIVER_ALIASES: Readonly<Record<string, DriverAlias>> = {
  vfs: { driver: 'local-dir', keys: { root: 'volumePath' } },
  aws: { driver: 'ebs' },
  ec2: { driver: 'ebs' },
};

export const driverName = (written: string): string => {
  const name = written.trim().toLowerCase();
  return DRIVER_ALIASES[name]?.driver ?? name;
};

/** Names of the sections that hold a driver's settings, first wins: its own, then its aliases in the order of the table. */
export const sectionNames = (driver: string, more: readonly string[] = []): readonly string[] => [
  ...new Set([
    driver,
    ...Object.keys(DRIVER_ALIASES).filter((a) => DRIVER_ALIASES[a]?.driver === driver),
    ...more.map((a) => a.toLowerCase()),
  ]),
];

/** Drivers that REX-Ray had: their sections in a file are no typing errors, whether or not such a plugin is installed. */
export const REXRAY_DRIVERS: readonly string[] = [
  'azureud',
  'cinder',
  'dobs',
  'ebs',
  'efs',
  'fittedcloud',
  'gce',
  'gcepd',
  'isilon',
  'openstack',
  'rackspace',
  'rbd',
  's3fs',
  'scaleio',
  'vfs',
  'virtualbox',
  'vmax',
  'xtremio',
  'aws',
  'ec2',
];
/** Drivers of this project, whose package is `@rexray/driver-<name>`. */
export const OUR_DRIVERS: readonly string[] = ['local-loop', 'local-dir', 'memory', 'virtualbox', 'ebs', 'remote'];
