/** Between EC2's Query protocol and the shapes of the SDK: form fields in, XML out. */
type Tree = { [k: string]: Tree | string };
const NUMBERS = new Set(['Size', 'Iops', 'Throughput', 'MaxResults']);
const TRUTHS = new Set(['Encrypted', 'MultiAttachEnabled', 'Force', 'DryRun']);
/** Lists on the wire are numbered and singular. */
const LISTS: Readonly<Record<string, string>> = {
  VolumeId: 'VolumeIds',
  InstanceId: 'InstanceIds',
  InstanceType: 'InstanceTypes',
  ResourceId: 'Resources',
  Tag: 'Tags',
  Filter: 'Filters',
  Value: 'Values',
  Owner: 'OwnerIds',
  TagSpecification: 'TagSpecifications',
};

export function parseForm(body: string): { action: string; input: Record<string, unknown> } {
  const tree: Tree = {};
  for (const [path, value] of new URLSearchParams(body)) {
    const steps = path.split('.');
    let at = tree;
    for (const s of steps.slice(0, -1)) {
      at[s] ??= {};
      at = at[s] as Tree;
    }
    at[steps.at(-1) ?? ''] = value;
  }
  const { Action: action, Version: _, ...rest } = tree;
  return { action: String(action), input: shaped(rest) as Record<string, unknown> };
}

function shaped(t: Tree | string, key = ''): unknown {
  if (typeof t === 'string') return NUMBERS.has(key) ? Number(t) : TRUTHS.has(key) ? t === 'true' : t;
  const keys = Object.keys(t);
  if (keys.length > 0 && keys.every((k) => /^\d+$/.test(k)))
    return keys.sort((a, b) => Number(a) - Number(b)).map((k) => shaped(t[k] ?? ''));
  return Object.fromEntries(
    keys.map((k) => {
      const v = shaped(t[k] ?? '', k);
      return [Array.isArray(v) ? (LISTS[k] ?? k) : k, v];
    }),
  );
}

const NAMES: Readonly<Record<string, string>> = {
  Volumes: 'volumeSet',
  Snapshots: 'snapshotSet',
  Reservations: 'reservationSet',
  Instances: 'instancesSet',
  Tags: 'tagSet',
  Attachments: 'attachmentSet',
  StateMessage: 'statusMessage',
  BlockDeviceMappings: 'blockDeviceMapping',
  NetworkInterfaces: 'networkInterfaceSet',
  VolumesModifications: 'volumeModificationSet',
  InstanceTypes: 'instanceTypeSet',
};
const escaped = (s: string): string => s.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

function element(key: string, value: unknown): string {
  if (value === undefined || value === null) return '';
  const state = typeof value === 'object' ? 'instanceState' : 'status';
  const name = key === 'State' ? state : (NAMES[key] ?? key.charAt(0).toLowerCase() + key.slice(1));
  return `<${name}>${content(value)}</${name}>`;
}
function content(value: unknown): string {
  if (Array.isArray(value)) return value.map((v) => `<item>${content(v)}</item>`).join('');
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'object' && value !== null)
    return Object.entries(value)
      .map(([k, v]) => element(k, v))
      .join('');
  return escaped(String(value));
}

const HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n';
export const resultXml = (action: string, output: object): string =>
  `${HEAD}<${action}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId>${content(output)}</${action}Response>`;
export const errorXml = (code: string, message: string): string =>
  `${HEAD}<Response><Errors><Error><Code>${escaped(code)}</Code><Message>${escaped(message)}</Message></Error></Errors><RequestID>r</RequestID></Response>`;
