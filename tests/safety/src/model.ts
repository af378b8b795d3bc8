/** The reference: what volumes are after a verb, without any of the code that makes it so. Plain data; states are compared as JSON. */

export type Node = 0 | 1;
export type Fencing = 'detach' | 'switch' | 'none';

export interface ModelVolume {
  /** Tells a volume from an earlier one of its name. */
  readonly inc: number;
  readonly size: number;
  /** What was last written and acknowledged; absent = nothing was. */
  readonly token?: string;
  /** By node: holder → count. */
  readonly holders: readonly [Readonly<Record<string, number>>, Readonly<Record<string, number>>];
  /** The node that asked for the attachment by itself. */
  readonly attached?: Node;
  readonly owner?: Node;
}
export interface ModelSnapshot {
  readonly inc: number;
  readonly size: number;
  readonly token?: string;
}
type Holders = ModelVolume['holders'];
export interface State {
  /** What a node lost and somebody removed elsewhere keeps its holders there: an earlier volume of that name. */
  readonly earlier: Readonly<Record<string, Holders>>;
  readonly volumes: Readonly<Record<string, ModelVolume>>;
  readonly snapshots: Readonly<Record<string, ModelSnapshot>>;
  readonly next: number;
}
export const EMPTY: State = { earlier: {}, volumes: {}, snapshots: {}, next: 1 };

export type Op =
  | { readonly op: 'create'; readonly name: string; readonly size: number; readonly fsType: 'ext4' | 'xfs' }
  | { readonly op: 'mount'; readonly name: string; readonly holder: string; readonly preempt?: true }
  | { readonly op: 'unmount' | 'release'; readonly name: string; readonly holder: string }
  | { readonly op: 'attach' | 'detach' | 'remove' | 'wipe'; readonly name: string }
  | { readonly op: 'expand'; readonly name: string; readonly size: number }
  | { readonly op: 'clone'; readonly name: string; readonly to: string }
  | { readonly op: 'snapshot'; readonly name: string; readonly snapshot: string }
  | { readonly op: 'unsnapshot'; readonly snapshot: string }
  | { readonly op: 'restore'; readonly snapshot: string; readonly to: string }
  | { readonly op: 'write'; readonly name: string; readonly token: string }
  /** The watch of the node looks whose its volumes are: nothing that callers see may come of it. */
  | { readonly op: 'look' };

/** What a verb must answer in a state, and what is then so. */
export interface Expected {
  readonly answer: 'ok' | readonly string[];
  readonly next: State;
}

const ok = (next: State): Expected => ({ answer: 'ok', next });
const no = (s: State, ...codes: string[]): Expected => ({ answer: codes, next: s });
const IN_USE = ['in_use', 'denied'] as const;

const set = (s: State, name: string, v: ModelVolume | undefined): State => {
  const { [name]: _, ...rest } = s.volumes;
  return { ...s, volumes: v === undefined ? rest : { ...rest, [name]: v } };
};
const has = (v: ModelVolume, node: Node): boolean => Object.keys(v.holders[node]).length > 0;
const othersHave = (v: ModelVolume, node: Node): boolean => v.owner !== undefined && v.owner !== node;
/** It was taken from this node while somebody here had it mounted. */
export const isLost = (v: ModelVolume, node: Node): boolean => has(v, node) && v.owner !== node;

function withHolders(v: ModelVolume, node: Node, mine: Readonly<Record<string, number>>): ModelVolume {
  return { ...v, holders: node === 0 ? [mine, v.holders[1]] : [v.holders[0], mine] };
}
function withOwner(v: ModelVolume, owner: Node | undefined): ModelVolume {
  const { owner: _, ...rest } = v;
  return owner === undefined ? rest : { ...rest, owner };
}
const without = <T extends object, K extends keyof T>(x: T, key: K): Omit<T, K> => {
  const { [key]: _, ...rest } = x;
  return rest;
};

function added(s: State, name: string, from: { readonly size: number; readonly token?: string }): State {
  const v: ModelVolume = {
    inc: s.next,
    size: from.size,
    ...(from.token !== undefined && { token: from.token }),
    holders: s.earlier[name] ?? [{}, {}],
  };
  return { ...set({ ...s, earlier: without(s.earlier, name) }, name, v), next: s.next + 1 };
}

function mount(s: State, v: ModelVolume, node: Node, o: Extract<Op, { op: 'mount' }>, fencing: Fencing): Expected {
  if (isLost(v, node)) return no(s, 'in_use');
  if (othersHave(v, node) && o.preempt !== true) return no(s, ...IN_USE);
  if (othersHave(v, node) && fencing === 'none') return no(s, ...IN_USE);
  const taken = othersHave(v, node);
  const count = v.holders[node][o.holder] ?? 0;
  const mine = withHolders(v, node, { ...v.holders[node], [o.holder]: count + 1 });
  const free = taken ? without(mine, 'attached') : mine;
  return ok(set(s, o.name, withOwner(free, node)));
}

function unmount(s: State, v: ModelVolume, node: Node, o: { name: string; holder: string }, all: boolean): Expected {
  const count = v.holders[node][o.holder] ?? 0;
  if (count === 0) return ok(s);
  const rest = without(v.holders[node] as Record<string, number>, o.holder) as Record<string, number>;
  const left = all || count === 1 ? rest : { ...rest, [o.holder]: count - 1 };
  const now = withHolders(v, node, left);
  const keeps = Object.keys(left).length > 0 || v.owner !== node || v.attached === node;
  return ok(set(s, o.name, keeps ? now : withOwner(now, undefined)));
}

function remove(s: State, v: ModelVolume, node: Node, name: string): Expected {
  if (has(v, node) || othersHave(v, node)) return no(s, ...IN_USE);
  const gone = set(s, name, undefined);
  return ok(
    v.holders.some((h) => Object.keys(h).length > 0) ? { ...gone, earlier: { ...s.earlier, [name]: v.holders } } : gone,
  );
}

function copyable(v: ModelVolume, node: Node): boolean {
  return !othersHave(v, node) || (has(v, node) && !isLost(v, node));
}

/** What the verb of one node has to answer now, alone. */
export function expected(s: State, node: Node, o: Op, fencing: Fencing): Expected {
  if (o.op === 'look') return ok(s);
  if (o.op === 'unsnapshot') return ok({ ...s, snapshots: without(s.snapshots, o.snapshot) });
  if (o.op === 'restore') {
    const from = s.snapshots[o.snapshot];
    if (from === undefined) return no(s, 'not_found');
    return s.volumes[o.to] !== undefined ? ok(s) : ok(added(s, o.to, from));
  }
  const v = s.volumes[o.name];
  if (o.op === 'create') {
    if (v === undefined) return ok(added(s, o.name, o));
    return o.size <= v.size ? ok(s) : no(s, 'already_exists');
  }
  const held = s.earlier[o.name];
  if (v === undefined && held !== undefined && (o.op === 'unmount' || o.op === 'release')) {
    const { volumes, ...rest } = unmount(s, { inc: 0, size: 0, holders: held }, node, o, o.op === 'release').next;
    const { [o.name]: left, ...others } = volumes;
    return ok({
      ...rest,
      volumes: others,
      earlier: left === undefined ? s.earlier : { ...s.earlier, [o.name]: left.holders },
    });
  }
  if (v === undefined) return ['remove', 'unmount', 'release', 'write'].includes(o.op) ? ok(s) : no(s, 'not_found');
  return onVolume(s, v, node, o, fencing);
}

function onVolume(
  s: State,
  v: ModelVolume,
  node: Node,
  o: Exclude<Op, { op: 'unsnapshot' | 'restore' | 'create' | 'look' }>,
  fencing: Fencing,
): Expected {
  switch (o.op) {
    case 'mount':
      return mount(s, v, node, o, fencing);
    case 'unmount':
    case 'release':
      return unmount(s, v, node, o, o.op === 'release');
    case 'attach':
      if (othersHave(v, node) || isLost(v, node)) return no(s, ...IN_USE);
      return ok(set(s, o.name, withOwner({ ...v, attached: node }, node)));
    case 'detach':
      if (has(v, node)) return no(s, 'in_use');
      if (v.owner !== node) return ok(s);
      return ok(set(s, o.name, withOwner(without(v, 'attached'), undefined)));
    case 'remove':
      return remove(s, v, node, o.name);
    case 'wipe': {
      if (has(v, node) || othersHave(v, node)) return no(s, ...IN_USE);
      return ok(set(s, o.name, without(v, 'token')));
    }
    case 'expand':
      if (o.size < v.size) return no(s, 'out_of_range');
      if (!copyable(v, node)) return no(s, ...IN_USE);
      return ok(set(s, o.name, { ...v, size: o.size }));
    case 'clone':
      if (s.volumes[o.to] !== undefined) return ok(s);
      return copyable(v, node) ? ok(added(s, o.to, v)) : no(s, ...IN_USE);
    case 'snapshot': {
      const there = s.snapshots[o.snapshot];
      if (there !== undefined) return there.inc === v.inc ? ok(s) : no(s, 'already_exists');
      if (!copyable(v, node) && fencing !== 'detach') return no(s, ...IN_USE);
      const { inc, size, token } = v;
      const taken = { inc, size, ...(token !== undefined && { token }) };
      return ok({ ...s, snapshots: { ...s.snapshots, [o.snapshot]: taken } });
    }
    case 'write':
      return has(v, node) && v.owner === node ? ok(set(s, o.name, { ...v, token: o.token })) : ok(s);
  }
}

/** The node lost its power and came back: nobody there holds anything. */
export function rebooted(s: State, node: Node): State {
  let now = s;
  for (const [name, v] of Object.entries(s.volumes)) {
    const bare = withHolders(v.attached === node ? without(v, 'attached') : v, node, {});
    now = set(now, name, v.owner === node ? withOwner(bare, undefined) : bare);
  }
  const earlier: Record<string, Holders> = {};
  for (const [name, h] of Object.entries(s.earlier)) earlier[name] = node === 0 ? [{}, h[1]] : [h[0], {}];
  return { ...now, earlier };
}
