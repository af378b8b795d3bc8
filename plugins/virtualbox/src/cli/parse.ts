import type { Disk, Machine, Slot } from '../client.ts';

/** `Key:  value` lines of a block; a value without a key before it belongs to the key above. */
function fields(block: string): Map<string, string> {
  const found = new Map<string, string>();
  let last = '';
  for (const line of block.split('\n')) {
    const m = /^([A-Z][A-Za-z ]*?):\s*(.*)$/.exec(line);
    if (m !== null) last = m[1] ?? '';
    const value = m === null ? line.trim() : (m[2] ?? '');
    const before = found.get(last);
    if (last !== '') found.set(last, before === undefined ? value : `${before}\n${value}`);
  }
  return found;
}

/** Sizes are told in whole MBytes: those of volumes are. */
const megabytes = (text: string | undefined): number => Number(/^(\d+)/.exec(text ?? '')?.[1] ?? 0) * (1 << 20);
const USERS = /\(UUID: ([0-9a-f-]{36})\)/gi;

/** One disk of `showmediuminfo` or of `list -l hdds`. */
function diskOf(block: string): (Disk & { readonly parent: string }) | undefined {
  const f = fields(block);
  const id = f.get('UUID')?.toLowerCase();
  if (id === undefined) return undefined;
  const state = f.get('State') ?? '';
  return {
    id,
    parent: f.get('Parent UUID')?.toLowerCase() ?? 'base',
    location: f.get('Location') ?? '',
    format: (f.get('Storage format') ?? '').toUpperCase(),
    sizeBytes: megabytes(f.get('Capacity')),
    description: f.get('Description') ?? '',
    state: state.startsWith('inaccessible') ? 'inaccessible' : /^(creating|deleting)/.test(state) ? 'making' : 'ready',
    machines: [...(f.get('In use by VMs') ?? '').matchAll(USERS)].map((m) => (m[1] ?? '').toLowerCase()),
  };
}

export const oneDisk = (stdout: string): Disk | undefined => {
  const start = stdout.search(/^UUID:/m);
  return start === -1 ? undefined : diskOf(stdout.slice(start));
};

/** Each disk, differences too, with its base. */
export function basesOf(stdout: string): Map<string, string> {
  const parents = new Map(blocks(stdout).map((d) => [d.id, d.parent]));
  const baseOf = (id: string): string => {
    const parent = parents.get(id);
    return parent === undefined || parent === 'base' ? id : baseOf(parent);
  };
  return new Map([...parents.keys()].map((id) => [id, baseOf(id)]));
}

const blocks = (stdout: string) => stdout.split(/^(?=UUID:)/m).flatMap((b) => diskOf(b) ?? []);

/** Base disks, each with the machines that have it or a difference of it. */
export function allDisks(stdout: string): Disk[] {
  const bases = basesOf(stdout);
  const users = new Map<string, Set<string>>();
  for (const d of blocks(stdout)) {
    const base = bases.get(d.id) ?? d.id;
    users.set(base, new Set([...(users.get(base) ?? []), ...d.machines]));
  }
  return blocks(stdout)
    .filter((d) => d.parent === 'base')
    .map((d) => ({ ...d, machines: [...(users.get(d.id) ?? [])] }));
}

/** `getextradata global enumerate`: our notes with their texts. */
export function allNotes(stdout: string, prefix: string): Map<string, string> {
  const rows = stdout.split('\n').flatMap((l) => {
    const m = /^Key: (.*?), Value: (.*)$/.exec(l);
    return m === null ? [] : [[m[1] ?? '', m[2] ?? ''] as const];
  });
  return new Map(rows.filter(([k]) => k.startsWith(prefix)));
}

/** `getextradata global NAME`. */
export const oneNote = (stdout: string): string | undefined => /^Value: (.*)$/m.exec(stdout)?.[1];

/** `list vms`: ids of machines whose settings can be read. */
export const machineIds = (stdout: string): string[] =>
  [...stdout.matchAll(/^"(.*)" \{([0-9a-f-]{36})\}$/gim)]
    .filter((m) => m[1] !== '<inaccessible>')
    .map((m) => m[2] ?? '');

export interface MachineInfo extends Machine {
  readonly online: boolean;
  readonly controllers: readonly {
    readonly name: string;
    readonly type: string;
    readonly ports: number;
    readonly mostPorts: number;
  }[];
  readonly disks: readonly (Slot & { readonly id: string })[];
}

const unquoted = (s: string): string => (/^".*"$/.test(s) ? s.slice(1, -1).replace(/\\(["\\])/g, '$1') : s);

/** `showvminfo --machinereadable`. */
export function machineOf(stdout: string): MachineInfo | undefined {
  const rows = new Map(
    stdout.split('\n').flatMap((l) => {
      const m = /^("(?:[^"\\]|\\.)*"|[^=]+)=(.*)$/.exec(l);
      return m === null ? [] : [[unquoted(m[1] ?? ''), unquoted((m[2] ?? '').trim())] as const];
    }),
  );
  const [id, name] = [rows.get('UUID'), rows.get('name')];
  if (id === undefined || name === undefined) return undefined;
  const macs = [...rows].flatMap(([k, v]) => {
    const slot = /^macaddress(\d+)$/.exec(k)?.[1];
    return slot !== undefined && rows.get(`nic${slot}`) !== 'none' ? [v.toUpperCase()] : [];
  });
  return { id: id.toLowerCase(), name, macs, online: isOnline(rows.get('VMState') ?? ''), ...storageOf(rows) };
}

const isOnline = (state: string): boolean =>
  /^(running|paused|stuck|gurumeditation|teleporting|livesnapshotting|onlinesnapshotting|starting|stopping|saving|restoring|settingup)/i.test(
    state,
  );

function storageOf(rows: ReadonlyMap<string, string>): Pick<MachineInfo, 'controllers' | 'disks'> {
  const controllers = [...rows].flatMap(([k, name]) => {
    const n = /^storagecontrollername(\d+)$/.exec(k)?.[1];
    if (n === undefined) return [];
    const number = (what: string): number => Number(rows.get(`storagecontroller${what}${n}`) ?? 0);
    const type = rows.get(`storagecontrollertype${n}`) ?? '';
    return [{ name, type, ports: number('portcount'), mostPorts: number('maxportcount') }];
  });
  const disks = [...rows].flatMap(([k, id]) => {
    const m = /^(.*)-ImageUUID-(\d+)-(\d+)$/.exec(k);
    return m === null
      ? []
      : [{ controller: m[1] ?? '', port: Number(m[2]), device: Number(m[3]), id: id.toLowerCase() }];
  });
  return { controllers, disks };
}

/** Places that something is in, disks or not: `"SATA-3-0"="…"`. */
export function takenSlots(stdout: string, controller: string): Slot[] {
  const start = `"${controller.replace(/(["\\])/g, '\\$1')}-`;
  return stdout.split('\n').flatMap((l) => {
    if (!l.startsWith(start)) return [];
    const m = /^(\d+)-(\d+)"="(.*)"$/.exec(l.slice(start.length));
    return m === null || m[3] === 'none' ? [] : [{ controller, port: Number(m[1]), device: Number(m[2]) }];
  });
}
