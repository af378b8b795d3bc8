import { type Static, schema, Type } from '@rexray/core/schema';

const text = (description: string, o: object = {}) => Type.String({ default: '', description, ...o });

const Config = Type.Object(
  {
    endpoint: Type.String({
      default: 'http://10.0.2.2:18083',
      description: 'Address of vboxwebsrv; the default is the host as a guest behind NAT sees it',
    }),
    userName: text('User of the VirtualBox host, unless its web service runs without authentication'),
    password: text('Password of that user', { writeOnly: true }),
    tls: Type.Boolean({
      default: false,
      description:
        'Speak TLS also where the endpoint says http. Certificates are always verified (REX-Ray’s `tls: true` switched that off)',
    }),
    tlsInsecure: Type.Boolean({ default: false, description: 'Accept any certificate of the web service' }),
    tlsCAFile: text('File with the certificates to trust, as PEM; empty = those of the system'),
    volumePath: text(
      'Directory of the volumes on the VirtualBox host. $HOME is that of this process: write the path out where the host’s differs',
    ),
    controllerName: Type.String({
      default: 'SATA',
      minLength: 1,
      description: 'Storage controller of each machine that volumes are attached to, by its exact name',
    }),
    localMachineNameOrId: text('This machine, by name or id; empty = found by its hardware addresses'),
    diskIDPath: Type.String({
      default: '/dev/disk/by-id',
      description: 'Where this node finds its disks by identity',
    }),
    scsiHostPath: Type.String({
      default: '/sys/class/scsi_host/',
      description: 'Where this node asks its SCSI hosts to look for new disks',
    }),
    transport: Type.Union([Type.Literal('soap'), Type.Literal('cli')], {
      default: 'soap',
      description: 'How VirtualBox is reached: its web service, or VBoxManage on the host itself',
    }),
    vboxManagePath: Type.String({
      default: 'VBoxManage',
      minLength: 1,
      description: 'The program VBoxManage, for transport cli; it runs as the user of this process',
    }),
    format: Type.Union([Type.Literal('VDI'), Type.Literal('VMDK')], {
      default: 'VDI',
      description: 'Format of new disks. Only VDI can grow; REX-Ray made VMDK',
    }),
    fixed: Type.Boolean({ default: false, description: 'New disks take their whole size at once. They cannot grow' }),
    requestTimeout: Type.String({
      default: '15s',
      pattern: '^\\d+(\\.\\d+)?(ms|s|m)$',
      description: 'A reply that has not come after this is unknown: what became of it is read back',
    }),
  },
  { additionalProperties: false },
);
export type VirtualBoxConfig = Static<typeof Config>;
export const configSchema = schema(Config);

const Params = Type.Object(
  {
    format: Type.Optional(
      Type.Union([Type.Literal('VDI'), Type.Literal('VMDK')], { description: 'Format of the disk' }),
    ),
    fixed: Type.Optional(Type.Boolean({ description: 'The disk takes its whole size at once' })),
  },
  { additionalProperties: false },
);
export type VirtualBoxParams = Static<typeof Params>;
export const paramsSchema = schema(Params);

/** What a driver made with `new` and only some settings runs with. */
export function withDefaults(c: Partial<VirtualBoxConfig>): VirtualBoxConfig {
  const r = configSchema['~standard'].validate(c);
  if (r.issues !== undefined) {
    throw new TypeError(`virtualbox: ${r.issues[0]?.path?.join('.')} ${r.issues[0]?.message}`);
  }
  return r.value;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000 };

/** `15s`, `2m`: what the schema let through, in ms. */
export function milliseconds(written: string): number {
  const [, number = '0', unit = 'ms'] = /^([\d.]+)(\w+)$/.exec(written) ?? [];
  return Number(number) * (UNITS[unit] ?? 1);
}
