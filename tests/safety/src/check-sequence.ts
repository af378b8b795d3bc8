/** Runs a sequence and holds it against the reference: what was answered and what is then seen must fit some order of the verbs. */
import {
  EMPTY,
  type Expected,
  expected,
  type Fencing,
  isLost,
  type Node,
  type Op,
  rebooted,
  type State,
} from './model.ts';
import { NOTHING } from './perform.ts';
import type { Crash, Fault, Sequence } from './sequence.ts';

/** What a verb answered: `ok`, the code of its error, or `died` when its process did. */
export type Answer = string;

/** What can be seen of a volume from both nodes. */
export interface Seen {
  readonly volumes: Readonly<
    Record<string, { size: number; owner?: Node; holders: readonly [Record<string, number>, Record<string, number>] }>
  >;
  readonly snapshots: readonly string[];
}

export interface World {
  /** A verb on a node; resolves with its answer, never throws. */
  run(node: Node, verb: Op): Promise<Answer>;
  arm(faults: readonly Fault[], crash: Crash | undefined): void;
  /** Faults end; what died comes back, what hung ends. */
  heal(restart: readonly Node[]): Promise<void>;
  see(): Promise<Seen>;
  /** What the volume holds: mounted for a moment on this node. */
  content(node: Node, name: string): Promise<string | undefined>;
  /** What a node has and nobody answers for. */
  leaks(node: Node): Promise<readonly string[]>;
  close(): Promise<void>;
}

export class Broken extends Error {}

/** Answers that leave open whether it happened. Allowed only while something was made to go wrong. */
const DEFINITE = new Set(['not_found', 'already_exists', 'in_use', 'out_of_range', 'invalid', 'unsupported', 'denied']);

const CONTENDED = new Set(['in_use', 'busy', 'denied', 'not_found', 'already_exists']);

interface Done {
  readonly node: Node;
  readonly verb: Op;
  readonly answer: Answer;
}

const names = (o: Op): readonly string[] => [
  ...('name' in o ? [o.name] : []),
  ...('to' in o ? [o.to] : []),
  ...('snapshot' in o ? [`snapshot ${o.snapshot}`] : []),
];
const touches = (a: Op, b: Op): boolean => names(a).some((n) => names(b).includes(n));

interface Circumstances {
  readonly fencing: Fencing;
  /** Something was made to go wrong in this round, or in an earlier one. */
  readonly trouble: boolean;
  readonly everTrouble: boolean;
}

/** A format that was interrupted is finished by the next mount; until then there is nothing worth copying. */
const isCopyOfUnused = (s: State, o: Op): boolean =>
  (o.op === 'clone' || o.op === 'snapshot') && s.volumes[o.name]?.token === undefined;

/** States that are possible after a verb answered so. */
function after(s: State, d: Done, o: Circumstances & { rivals: readonly Done[] }): readonly State[] {
  const e = expected(s, d.node, d.verb, o.fencing);
  if (d.answer === NOTHING) return [s];
  if (d.answer === 'ok') return e.answer === 'ok' ? [e.next] : sawWhatWasTakenBack(d, e, o) ? [s] : [];
  if (o.trouble) return d.answer === 'data_loss' ? [] : e.answer === 'ok' ? [s, ...halfway(s, d), e.next] : [s];
  if (e.answer !== 'ok' && e.answer.includes(d.answer)) return [s];
  if (d.answer === 'busy' && o.everTrouble && isCopyOfUnused(s, d.verb)) return [s];
  // A verb of somebody else had a claim on it for a moment, or its wipe came first.
  const contended = o.rivals.some((r) => touches(r.verb, d.verb));
  if (!contended || !(CONTENDED.has(d.answer) || takenMeanwhile(d, o.rivals))) return [];
  // What the storage had grown before the volume was taken stays grown (S17): the next mount grows the rest.
  const grown = d.verb.op === 'expand' && takenMeanwhile(d, o.rivals) ? [e.next] : [];
  return e.answer === 'ok' ? [s, ...halfway(s, d), ...grown] : [s];
}

/** A copy that fails may have been there for a moment: a verb that met it has done what it said. */
function sawWhatWasTakenBack(d: Done, e: Expected, o: Circumstances & { rivals: readonly Done[] }): boolean {
  const gone = e.answer !== 'ok' && e.answer.includes('not_found');
  return (
    o.trouble && gone && o.rivals.some((r) => r.answer !== 'ok' && 'name' in d.verb && makes(r.verb) === d.verb.name)
  );
}
const makes = (o: Op): string | undefined => ('to' in o ? o.to : o.op === 'create' ? o.name : undefined);

/** Its image was switched for another, or its disk detached, while it was being mounted: it is not there any more. */
const takenMeanwhile = (d: Done, rivals: readonly Done[]): boolean =>
  d.answer === 'unavailable' &&
  rivals.some(({ verb: r }) => r.op === 'mount' && r.preempt === true && touches(r, d.verb));

/**
 * What is not undone: a takeover that failed, since the old owner may have seen it and stopped; and what a removal that
 * failed let go of first, since whoever asked for it wanted that gone. The volume is nobody's then.
 */
function halfway(s: State, { node, verb }: Done): readonly State[] {
  const v = 'name' in verb ? s.volumes[verb.name] : undefined;
  if (v === undefined || !('name' in verb)) return [];
  const taken = verb.op === 'mount' && verb.preempt === true && v.owner !== node;
  if (!taken && !(verb.op === 'remove' && v.attached === node)) return [];
  const { owner: _o, attached: _a, ...rest } = v;
  return [{ ...s, volumes: { ...s.volumes, [verb.name]: rest } }];
}

function* orders<T>(all: readonly T[]): Generator<readonly T[]> {
  if (all.length <= 1) yield all;
  for (const [i, first] of all.entries()) {
    if (all.length <= 1) return;
    for (const rest of orders([...all.slice(0, i), ...all.slice(i + 1)])) yield [first, ...rest];
  }
}

const key = (s: State): string => JSON.stringify([sorted(s.volumes), sorted(s.snapshots), sorted(s.earlier)]);
const sorted = (x: object): unknown =>
  JSON.parse(
    JSON.stringify(x, (_k, v: unknown) =>
      typeof v === 'object' && v !== null && !Array.isArray(v) ? Object.fromEntries(Object.entries(v).sort()) : v,
    ),
  );

function fits(s: State, seen: Seen): boolean {
  const view: Seen = {
    volumes: Object.fromEntries(
      Object.entries(s.volumes).map(([n, v]) => [
        n,
        {
          size: v.size,
          ...(v.owner !== undefined && { owner: v.owner }),
          holders: [{ ...v.holders[0] }, { ...v.holders[1] }] as [Record<string, number>, Record<string, number>],
        },
      ]),
    ),
    snapshots: Object.keys(s.snapshots).sort(),
  };
  return JSON.stringify(sorted(view)) === JSON.stringify(sorted(seen));
}

/** @throws Broken naming the round, what was answered and what was seen */
export async function checkSequence(world: World, q: Sequence): Promise<void> {
  let states: readonly State[] = [EMPTY];
  let everTrouble = false;
  for (const [i, round] of q.rounds.entries()) {
    world.arm(round.faults, round.crash);
    const done: Done[] = await Promise.all(
      round.verbs.map(async (v) => ({ ...v, answer: await world.run(v.node, v.verb) })),
    );
    const trouble = round.faults.length > 0 || round.crash !== undefined;
    everTrouble ||= trouble;
    const unsure = trouble ? done.filter((d) => d.answer !== 'ok' && !DEFINITE.has(d.answer)).map((d) => d.node) : [];
    const crashed = round.crash === undefined ? [] : [round.crash.node];
    await world.heal([...new Set([...(trouble ? [0 as const, 1 as const] : []), ...unsure, ...crashed])]);
    const seen = await world.see();
    const where = `round ${i}: ${done.map((d) => `node ${d.node} ${JSON.stringify(d.verb)} → ${d.answer}`).join('; ')}`;
    const possible = reachable(states, done, { fencing: q.fencing, trouble, everTrouble, crash: round.crash });
    states = possible.filter((s) => fits(s, seen));
    if (states.length === 0)
      throw new Broken(`${where}\nseen: ${JSON.stringify(seen)}\npossible: ${possible.map(key).join('\n  ')}`);
    for (const node of [0, 1] as const) {
      const left = await world.leaks(node);
      if (left.length > 0) throw new Broken(`${where}\nleft on node ${node}: ${left.join('; ')}`);
    }
  }
  await contents(world, states);
}

function reachable(
  from: readonly State[],
  done: readonly Done[],
  o: Circumstances & { crash: Crash | undefined },
): readonly State[] {
  const found = new Map<string, State>();
  for (const order of orders(done)) {
    let states = from;
    for (const d of order) {
      const rivals = done.filter((r) => r !== d);
      states = states.flatMap((s) => after(s, d, { ...o, rivals }));
    }
    for (const s of states) {
      for (const x of o.crash?.power === true ? [s, rebooted(s, o.crash.node)] : [s]) found.set(key(x), x);
    }
  }
  return [...found.values()];
}

/** Everything that was acknowledged is there in the end, and nothing else. */
async function contents(world: World, states: readonly State[]): Promise<void> {
  const [any] = states;
  for (const name of Object.keys(any?.volumes ?? {})) {
    const v = any?.volumes[name];
    // Whoever lost it, and was not told to let go yet, is refused: that is right, and no look at the content.
    const node = ([0, 1] as const).find((n) => v !== undefined && !isLost(v, n) && (v.owner ?? n) === n);
    if (node === undefined) continue;
    const found = await world.content(node, name);
    const allowed = states.map((s) => s.volumes[name]?.token);
    if (!allowed.includes(found))
      throw new Broken(`"${name}" holds ${found ?? 'nothing'}, acknowledged: ${allowed.join(' or ')}`);
  }
}
