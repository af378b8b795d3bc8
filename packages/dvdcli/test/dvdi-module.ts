/** What mesos-module-dvdi does with dvdcli: `DVDI_VOLUME_*` of a task to shell commands, counted on the agent. */
import type { Dvdcli } from './program.ts';

export type Env = Readonly<Record<string, string>>;

/** Characters that the module refuses in names, drivers and options. */
export const PROHIBITED = '%/:;\0<>|`$\'?^& {"}[]\n\t\v\b\r\\';

interface External {
  readonly driver: string;
  readonly name: string;
  readonly options: readonly string[];
  readonly explicit: boolean;
  readonly dvdcli: string | undefined;
}

const KEYS = ['NAME', 'DRIVER', 'OPTS', 'CONTAINERPATH', 'DVDCLI', 'EXPLICITCREATE'] as const;
const PREFIX = 'DVDI_VOLUME_';

/** Sets of a task's environment, by their digit; none and `0` are the same set. */
export function volumesOf(env: Env): readonly External[] {
  const sets = new Map<string, Partial<Record<(typeof KEYS)[number], string>>>();
  for (const [name, value] of Object.entries(env).filter(([n]) => n.startsWith(PREFIX))) {
    const key = KEYS.find((k) => name.slice(PREFIX.length).startsWith(k));
    const digit = key === undefined ? 'none' : name.slice(PREFIX.length + key.length);
    if (key === undefined || !/^\d?$/.test(digit)) throw new Error(`Environment variable ${name} is not known`);
    const filtered = key !== 'CONTAINERPATH' && key !== 'DVDCLI';
    if (filtered && [...value].some((c) => PROHIBITED.includes(c)))
      throw new Error(`${name} contains a prohibited character`);
    sets.set(digit || '0', { ...sets.get(digit || '0'), [key]: value });
  }
  return [...sets.values()]
    .filter((s) => s.NAME !== undefined)
    .map((s) => ({
      driver: s.DRIVER ?? 'rexray',
      name: s.NAME ?? '',
      options: (s.OPTS ?? '').split(',').filter((o) => o !== ''),
      explicit: s.EXPLICITCREATE === 'true',
      dvdcli: s.DVDCLI,
    }));
}

/** As the module writes them, spaces and all; `program` stands for /usr/bin/dvdcli. */
export const mountCommand = (v: External, program: string): string =>
  `${program} mount --volumedriver=${v.driver} --volumename=${v.name} ${v.options.map((o) => ` --volumeopts=${o}`).join('')}${v.explicit ? ' --explicitCreate=true' : ''}`;
export const unmountCommand = (v: External, program: string): string =>
  `${program} unmount --volumedriver=${v.driver} --volumename=${v.name}`;

const identity = (v: External): string => `${v.driver}/${v.name}`.toLowerCase();

export class DvdiModule {
  readonly #dvdcli: Dvdcli;
  readonly #tasks = new Map<string, readonly { volume: External; path: string }[]>();

  constructor(dvdcli: Dvdcli) {
    this.#dvdcli = dvdcli;
  }

  /** Mountpoints of a task's volumes; mounts only what no other task of this agent has. A failure reverts what was mounted. */
  async prepare(task: string, env: Env): Promise<readonly string[]> {
    const mounted: { volume: External; path: string }[] = [];
    for (const volume of volumesOf(env)) {
      const known = [...this.#tasks.values()].flat().find((m) => identity(m.volume) === identity(volume));
      if (known !== undefined) {
        mounted.push({ volume, path: known.path });
        continue;
      }
      const ran = await this.#dvdcli.shell((program) => mountCommand(volume, program));
      const path = ran.out.trim();
      if (ran.status !== 0 || path === '') {
        this.#tasks.set(task, mounted);
        await this.cleanup(task);
        throw new Error(`${volume.name}: mount command failed with status ${ran.status}: ${ran.err}`);
      }
      mounted.push({ volume, path });
    }
    this.#tasks.set(task, mounted);
    return mounted.map((m) => m.path);
  }

  /** Unmounts what no other task has; a failure is logged and taken for "unmounted already". */
  async cleanup(task: string): Promise<readonly string[]> {
    const mine = this.#tasks.get(task) ?? [];
    this.#tasks.delete(task);
    const others = new Set([...this.#tasks.values()].flat().map((m) => identity(m.volume)));
    const said: string[] = [];
    for (const { volume } of mine.filter((m) => !others.has(identity(m.volume)))) {
      const { status, err } = await this.#dvdcli.shell((program) => unmountCommand(volume, program));
      said.push(status === 0 ? 'unmounted' : `status ${status}: ${err}`);
    }
    return said;
  }
}
