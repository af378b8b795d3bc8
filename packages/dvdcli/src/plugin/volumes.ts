import { notFound, VolumeError } from '@rexray/core';
import type { OptionPair } from '@rexray/core/options';
import { type Call, type Found, HOLDER, type Volumes } from '../volumes.ts';
import type { Announced } from './discover.ts';
import { Line, nobodyThere, type Post } from './line.ts';

/** For how long the answer of a changing call is awaited after the caller gave up, in ms: then it is known what to take back. */
const LINGER_MS = 5_000;

/** The plugin behind an address, once it has said that it is a volume driver. @throws VolumeError `unavailable`, `unsupported` */
export async function openPlugin(it: Announced, call: Call): Promise<Volumes> {
  const line = new Line(it.endpoint);
  try {
    const { Implements: list } = await ask(it, line, { method: 'Plugin.Activate', body: undefined }, call);
    const kinds = Array.isArray(list) ? list.map(String) : [];
    if (kinds.includes('VolumeDriver')) return new PluginVolumes(it, line);
    throw new VolumeError('unsupported', `The plugin ${it.endpoint.name} is no volume driver.`, {
      details: { missing: 'VolumeDriver' },
      hint: `It implements ${kinds.join(', ') || 'nothing'}.`,
    });
  } catch (e) {
    line.close();
    throw e;
  }
}

type Said = Readonly<Record<string, unknown>>;

async function ask(it: Announced, line: Line, p: Post, call: Call): Promise<Said> {
  const { status, body } = await line.post(p, call);
  const said = parsed(body);
  const wrong = [said?.Err, said?.Error].find((x) => typeof x === 'string' && x !== '') as string | undefined;
  if (status === 200 && wrong === undefined && said !== undefined) return said;
  throw new PluginError(p.method, it.endpoint.name, wrong ?? wordsOf(said, body), status);
}

const wordsOf = (said: Said | undefined, body: string): string =>
  (typeof said?.message === 'string' && said.message) || body.trim().slice(0, 2000) || 'no reason given';

function parsed(body: string): Said | undefined {
  if (body.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? (value as Said) : undefined;
  } catch {
    return undefined;
  }
}

/** The wire has texts only: these are how ours and other plugins say it. */
const ABSENT = /not found|no such|do(es)? ?n[o']t exist|unknown volume|could ?n[o']t find|unable to find/i;
const NOT_MOUNTED = /(is|was)? ?(not|n't) (currently |yet |been )*(mounted|attached)|no (mount|local attachment)/i;

/** What the plugin answered instead of doing it. */
class PluginError extends VolumeError<'not_found' | 'internal' | 'unsupported'> {
  readonly said: string;
  readonly status: number;
  constructor(method: string, where: string, said: string, status: number) {
    const code = ABSENT.test(said) ? 'not_found' : status === 404 ? 'unsupported' : 'internal';
    super(code, `${method}: ${said}`, {
      details: code === 'unsupported' ? { verb: method } : {},
      hint: `The plugin ${where} said so (status ${status}).`,
    });
    this.said = said;
    this.status = status;
  }
}

class PluginVolumes implements Volumes {
  readonly where: string;
  readonly #it: Announced;
  readonly #line: Line;

  constructor(it: Announced, line: Line) {
    this.#it = it;
    this.#line = line;
    this.where = `plugin ${it.endpoint.name}`;
  }

  #reads(method: string, body: object, call: Call): Promise<Said> {
    return ask(this.#it, this.#line, { method: `VolumeDriver.${method}`, body }, call);
  }
  #changes(method: string, body: object, call: Call): Promise<Said> {
    return ask(this.#it, this.#line, { method: `VolumeDriver.${method}`, body, lingerMs: LINGER_MS }, call);
  }

  async get(name: string, call: Call): Promise<Found> {
    const volume = (await this.#reads('Get', { Name: name }, call)).Volume as Said | null | undefined;
    if (typeof volume !== 'object' || volume === null) throw notFound('Volume', name);
    return this.#found(volume, name);
  }

  async list(call: Call): Promise<readonly Found[]> {
    const volumes = (await this.#reads('List', {}, call)).Volumes;
    return Array.isArray(volumes) ? volumes.map((v: Said) => this.#found(v, '')) : [];
  }

  #found(v: Said, name: string): Found {
    return {
      name: typeof v.Name === 'string' && v.Name !== '' ? v.Name : name,
      mountpoint: this.#path(v),
      details: v,
    };
  }
  #path(said: Said): string {
    const path = said.Mountpoint;
    return typeof path === 'string' && path !== '' ? this.#it.onHost(path) : '';
  }

  async create(name: string, options: readonly OptionPair[], call: Call): Promise<void> {
    await this.#changes('Create', { Name: name, Opts: asRecord(options) }, call);
  }

  async remove(name: string, call: Call): Promise<void> {
    try {
      await this.get(name, call);
      await this.#changes('Remove', { Name: name }, call);
    } catch (e) {
      if ((e as VolumeError).code !== 'not_found') throw e;
    }
  }

  async mount(name: string, call: Call): Promise<string> {
    const path = this.#path(await this.#changes('Mount', { Name: name, ID: HOLDER }, call));
    if (path.startsWith('/')) return path;
    throw new VolumeError(
      'internal',
      `The plugin ${this.#it.endpoint.name} mounted volume "${name}" and did not say where.`,
      {
        details: {},
        hint: 'Its answer has no absolute Mountpoint.',
      },
    );
  }

  /** A plugin that fails because there is nothing to do has not failed: Mesos unmounts what never mounted. */
  async unmount(name: string, call: Call): Promise<void> {
    await this.get(name, call).catch((e: unknown) => {
      if (!(e instanceof PluginError) && (e as VolumeError).code !== 'not_found') throw e;
    });
    try {
      await this.#changes('Unmount', { Name: name, ID: HOLDER }, call);
    } catch (e) {
      if (!(e instanceof PluginError) || !(ABSENT.test(e.said) || NOT_MOUNTED.test(e.said))) throw e;
    }
  }

  async path(name: string, call: Call): Promise<string> {
    const { mountpoint } = await this.get(name, call);
    return mountpoint === '' ? this.#path(await this.#reads('Path', { Name: name }, call)) : mountpoint;
  }

  /** The wire cannot tell "absent" from "failed"; Docker, too, creates after any failure. A plugin that is away makes nothing. */
  mayBeAbsent(e: unknown): boolean {
    return e instanceof PluginError || (e as VolumeError).code === 'not_found';
  }

  /** Only what was not mounted before: with `ignoreUsedCount` an unmount takes the mounts of others with it. */
  async takeBack(name: string, before: Found | undefined, call: Call): Promise<boolean> {
    if (before !== undefined && before.mountpoint !== '') return false;
    await this.unmount(name, call);
    return true;
  }

  async close(): Promise<void> {
    this.#line.close();
  }
}

/** Repeated keys add up, separated by commas: on the wire an option has one value. */
function asRecord(options: readonly OptionPair[]): Record<string, string> {
  const out = new Map<string, string[]>();
  for (const [key, value] of options) {
    const values = out.get(key) ?? [];
    if (!values.includes(value)) out.set(key, [...values, value]);
  }
  return Object.fromEntries([...out].map(([key, values]) => [key, values.join(',')]));
}

export { nobodyThere };
