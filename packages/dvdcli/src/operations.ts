import { isVolumeError, VolumeError } from '@rexray/core';
import { type Asked, usage, type Verb } from './command-line.ts';
import { type Call, type Found, now, Stop, type Volumes } from './volumes.ts';

/** What an operation came to. */
export interface Done {
  /** For standard output: one line each. */
  readonly lines: readonly string[];
  /** The same for `--json`. */
  readonly json: Readonly<Record<string, unknown>>;
  /** Takes back what nobody can be told of any more. Answers what became of it, for a person. */
  readonly takeBack?: () => Promise<string>;
}

type Operation = (v: Volumes, a: Asked, name: string, call: Call) => Promise<Done>;
const nothing: Done = { lines: [], json: {} };

/** Time for taking back, in ms: the rest until Mesos kills. */
const TAKE_BACK_MS = 8_000;

const OPERATIONS: Readonly<Record<Verb, Operation>> = {
  async create(v, a, name, call) {
    await v.create(name, a.options, call);
    return nothing;
  },
  async remove(v, _a, name, call) {
    await v.remove(name, call);
    return nothing;
  },
  mount,
  async unmount(v, _a, name, call) {
    await v.unmount(name, call);
    return nothing;
  },
  async path(v, _a, name, call) {
    const path = await v.path(name, call);
    return { lines: path === '' ? [] : [path], json: { path } };
  },
  async get(v, _a, name, call) {
    const found = await v.get(name, call);
    return { lines: [found.name], json: { details: found.details } };
  },
  async list(v, _a, _name, call) {
    const all = await v.list(call);
    return {
      lines: all.map((f) => f.name),
      json: { volumes: all.map(({ name, mountpoint }) => ({ name, mountpoint })) },
    };
  },
};

export function operate(verb: Verb, v: Volumes, a: Asked, call: Call): Promise<Done> {
  return OPERATIONS[verb](v, a, a.name ?? '', call);
}

/** As Docker and the original: look; where nothing is found, make it; mount. The options reach the making only (S3). */
async function mount(v: Volumes, a: Asked, name: string, call: Call): Promise<Done> {
  const before = await lookedAt(v, a, name, call);
  const path = await v.mount(name, call);
  const takeBack = async (): Promise<string> => {
    const fresh = { stop: new Stop(), deadline: now() + TAKE_BACK_MS };
    return (await v.takeBack(name, before, fresh))
      ? `The mount of volume "${name}" was taken back.`
      : `Volume "${name}" stays mounted: it was before, for somebody else.`;
  };
  if (!call.stop.asked) return { lines: [path], json: { path }, takeBack };
  throw givenUp(name, await takeBack());
}

const givenUp = (name: string, hint: string): VolumeError =>
  new VolumeError('canceled', `The mount of volume "${name}" was given up.`, { details: { step: 'mount' }, hint });

async function lookedAt(v: Volumes, a: Asked, name: string, call: Call): Promise<Found | undefined> {
  try {
    return await v.get(name, call);
  } catch (e) {
    if (call.stop.asked) throw givenUp(name, 'Nothing was done.');
    if (!v.mayBeAbsent(e)) throw e;
    if (a.explicit) throw explicitly(e);
  }
  try {
    await v.create(name, a.options, call);
    return undefined;
  } catch (e) {
    // Somebody else may have made it meanwhile, or the first look failed for another reason: a volume that is there is used.
    const there = call.stop.asked ? undefined : await v.get(name, call).catch(() => undefined);
    if (there === undefined) throw e;
    return there;
  }
}

/** The look's own error, and why the volume was not made. */
function explicitly(e: unknown): unknown {
  if (!isVolumeError(e)) return e;
  return new VolumeError(e.code, e.message, {
    details: e.details,
    cause: e,
    place: e.place,
    hint: 'It was not made, because --explicitcreate says so: make it with "dvdcli create".',
  });
}

/** @throws VolumeError `invalid` where the command needs a volume and none is named */
export function assertNamed(a: Asked, named: boolean): void {
  if (named && !a.name) throw usage(`${a.command} needs the name of a volume.`, 'Write --volumename=NAME.');
  if (!named && a.name !== undefined) throw usage(`${a.command} takes no volume: "${a.name}".`);
}
