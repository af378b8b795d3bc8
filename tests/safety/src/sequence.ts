/** What a run consists of: rounds of verbs at once, with what goes wrong meanwhile. Plain JSON, so that a failure can be replayed. */
import fc from 'fast-check';
import type { Fencing, Node, Op } from './model.ts';

export interface Fault {
  readonly where: 'storage' | 'host';
  readonly call: string;
  /** `lost`: it was done and its answer is lost. */
  readonly kind: 'fail' | 'lost' | 'hang';
  readonly times: number;
  /** Calls to let pass first. */
  readonly skip: number;
}
export interface Crash {
  readonly node: Node;
  /** Host calls to let pass first. */
  readonly after: number;
  readonly power: boolean;
}
export interface Round {
  readonly verbs: readonly { readonly node: Node; readonly verb: Op }[];
  readonly faults: readonly Fault[];
  readonly crash?: Crash;
}
export interface Sequence {
  readonly fencing: Fencing;
  readonly rounds: readonly Round[];
}

const snapshot = fc.constantFrom('s', 't');
const holder = fc.constantFrom('cli', 'engine:1', 'engine:2');
const node = fc.constantFrom<Node>(0, 1);
let tokens = 0;
const token = fc.nat(1_000_000).map((n) => `token-${n}-${tokens++}`);

type Names = fc.Arbitrary<string>;
interface Kind {
  readonly sizes: readonly number[];
  readonly name: Names;
  /** How often a volume is taken from the other node, or attached without a mount, against the rest. */
  readonly struggle: number;
}
const ALL: Names = fc.constantFrom('a', 'b', 'c');

const verb = ({ sizes, name, struggle }: Kind): fc.Arbitrary<Op> => {
  const size = fc.constantFrom(...sizes);
  return fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        op: fc.constant('create' as const),
        name,
        size,
        fsType: fc.constantFrom('ext4' as const, 'xfs' as const),
      }),
    },
    { weight: 8, arbitrary: fc.record({ op: fc.constant('mount' as const), name, holder }) },
    {
      weight: 2 * struggle,
      arbitrary: fc.record({ op: fc.constant('mount' as const), name, holder, preempt: fc.constant(true as const) }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        op: fc.constantFrom('unmount' as const, 'unmount' as const, 'release' as const),
        name,
        holder,
      }),
    },
    { weight: struggle, arbitrary: look },
    { weight: 2 * struggle, arbitrary: fc.record({ op: fc.constantFrom('attach' as const, 'detach' as const), name }) },
    {
      weight: 2,
      arbitrary: fc.record({ op: fc.constantFrom('remove' as const, 'remove' as const, 'wipe' as const), name }),
    },
    { weight: 2, arbitrary: fc.record({ op: fc.constant('expand' as const), name, size }) },
    { weight: 2, arbitrary: fc.record({ op: fc.constant('clone' as const), name, to: ALL }) },
    { weight: 2, arbitrary: fc.record({ op: fc.constant('snapshot' as const), name, snapshot }) },
    { weight: 1, arbitrary: fc.record({ op: fc.constant('unsnapshot' as const), snapshot }) },
    { weight: 2, arbitrary: fc.record({ op: fc.constant('restore' as const), snapshot, to: ALL }) },
  );
};
const look: fc.Arbitrary<Op> = fc.record({ op: fc.constant('look' as const) });
const write = ({ name }: Kind): fc.Arbitrary<Op> => fc.record({ op: fc.constant('write' as const), name, token });

const STORAGE = [
  'get',
  'find',
  'create',
  'remove',
  'attach',
  'detach',
  'mark',
  'expand',
  'clone',
  'snapshots.create',
  'snapshots.remove',
  'snapshots.restore',
];
const HOST = [
  'open',
  'connect',
  'disconnect',
  'assertUnused',
  'probe',
  'format',
  'check',
  'newUuid',
  'mount',
  'unmount',
  'grow',
  'refresh',
  'freeze',
  'thaw',
];

const fault: fc.Arbitrary<Fault> = fc.oneof(
  fc.record({
    where: fc.constant('storage' as const),
    call: fc.constantFrom(...STORAGE),
    kind: fc.constantFrom('fail' as const, 'lost' as const, 'hang' as const),
    times: fc.constantFrom(1, 4),
    skip: fc.constant(0),
  }),
  fc.record({
    where: fc.constant('host' as const),
    call: fc.constantFrom(...HOST),
    kind: fc.constantFrom('fail' as const, 'lost' as const, 'hang' as const),
    times: fc.constantFrom(1, 3),
    skip: fc.nat(1),
  }),
);
const crash: fc.Arbitrary<Crash> = fc.record({ node, after: fc.nat(12), power: fc.boolean() });

const round = (k: Kind): fc.Arbitrary<Round> => {
  const verbs = fc.array(fc.record({ node, verb: verb(k) }), { minLength: 1, maxLength: 3 });
  const alone = fc.tuple(fc.record({ node, verb: write(k) }));
  return fc.oneof(
    { weight: 5, arbitrary: fc.record({ verbs, faults: fc.constant([]) }) },
    { weight: 2, arbitrary: fc.record({ verbs: alone, faults: fc.constant([]) }) },
    { weight: 3, arbitrary: fc.record({ verbs, faults: fc.array(fault, { minLength: 1, maxLength: 2 }) }) },
    { weight: 1, arbitrary: fc.record({ verbs, faults: fc.constant([]), crash }) },
  );
};

/** Half of them are about one volume that both nodes want: what comes of a takeover needs many verbs on one name. */
export const sequences = (o: {
  readonly sizes: readonly number[];
  readonly rounds: number;
}): fc.Arbitrary<Sequence> => {
  const of = (name: Names, struggle: number): fc.Arbitrary<Sequence> =>
    fc.record({
      fencing: fc.constantFrom<Fencing>('detach', 'switch', 'none'),
      rounds: fc.array(round({ sizes: o.sizes, name, struggle }), { minLength: 1, maxLength: o.rounds, size: 'max' }),
    });
  return fc.oneof(of(ALL, 1), of(fc.constant('a'), 3));
};
