import { describe, expect, it } from 'vitest';
import { emptyRecord, type FormatState, isVolumeError, nextRecord, type VolumeRecord } from '../src/index.ts';

const U = ['u1', 'u2'] as const;
const FS = ['ext4', 'xfs'] as const;
const EPOCHS = [1, 2] as const;

/** Every format state over two UUIDs, two file systems, two epochs. */
const STATES: readonly FormatState[] = [
  { state: 'none' },
  ...FS.flatMap((fsType): FormatState[] => [
    { state: 'blank', fsType },
    { state: 'blank', fsType, consent: true },
    { state: 'blank', fsType, consent: false },
    ...U.flatMap((plannedUuid) =>
      EPOCHS.flatMap((epoch) =>
        [undefined, ...U].map(
          (wipes): FormatState => ({ state: 'formatting', fsType, plannedUuid, epoch, ...(wipes && { wipes }) }),
        ),
      ),
    ),
    ...U.map((uuid): FormatState => ({ state: 'formatted', fsType, uuid })),
  ]),
];

const record = (format: FormatState): VolumeRecord => ({ ...emptyRecord(format), revision: 'r1' });
const allowed = (from: FormatState, to: FormatState): boolean => {
  try {
    return nextRecord(record(from), { format: to }, { ifRevision: 'r1', revision: 'r2' }).format === to;
  } catch (e) {
    if (isVolumeError(e, 'data_loss')) return false;
    throw e;
  }
};
const EDGES = STATES.flatMap((from) => STATES.filter((to) => allowed(from, to)).map((to) => ({ from, to })));
/** All states that marks alone can lead to. */
function reachable(from: FormatState, edges = EDGES): ReadonlySet<FormatState> {
  const seen = new Set([from]);
  for (const s of seen) for (const e of edges) if (e.from === s) seen.add(e.to);
  return seen;
}

describe('S1: the life of a volume, all transitions', () => {
  it('covers them', () => {
    expect(STATES.length).toBe(35);
    expect(EDGES.length).toBeGreaterThan(STATES.length);
    for (const s of STATES) expect(allowed(s, s), JSON.stringify(s)).toBe(true);
  });

  it('what was formatting or formatted is never blank again, whatever the path', () => {
    for (const s of STATES.filter((x) => x.state === 'formatting' || x.state === 'formatted')) {
      for (const r of reachable(s)) expect(['formatting', 'formatted']).toContain(r.state);
    }
  });

  it('a share stays one, and nothing becomes one', () => {
    for (const { from, to } of EDGES) expect(from.state === 'none').toBe(to.state === 'none');
  });

  it('S3: consent is given at creation or never', () => {
    for (const { from, to } of EDGES) {
      if (to.state === 'blank' && to.consent) expect(from).toMatchObject({ state: 'blank', consent: true });
    }
  });

  it('only the planned UUID can come out of formatting, with the planned file system', () => {
    for (const { from, to } of EDGES) {
      if (from.state !== 'formatting') continue;
      expect(to).toMatchObject({ fsType: from.fsType });
      expect(to.state === 'formatted' ? to.uuid : to.state === 'formatting' && to.plannedUuid).toBe(from.plannedUuid);
      if (to.state === 'formatting') {
        expect(to.epoch).toBeGreaterThanOrEqual(from.epoch);
        expect(to.wipes).toBe(from.wipes);
      }
    }
  });

  it('a made file system is made anew only where its own UUID was named', () => {
    for (const { from, to } of EDGES) {
      if (from.state === 'formatted' && to.state === 'formatting') expect(to.wipes).toBe(from.uuid);
    }
    const withoutWipes = EDGES.filter(({ to }) => to.state !== 'formatting' || to.wipes === undefined);
    for (const s of STATES.filter((x) => x.state === 'formatted')) {
      for (const r of reachable(s, withoutWipes)) expect(r.state).toBe('formatted');
    }
  });

  it('people may type the UUID in upper case', () => {
    expect(
      allowed(
        { state: 'formatted', fsType: 'xfs', uuid: 'ab' },
        { state: 'formatting', fsType: 'xfs', plannedUuid: 'n', epoch: 0, wipes: 'AB' },
      ),
    ).toBe(true);
  });

  it('S25: a copy can get a UUID of its own', () => {
    expect(
      allowed({ state: 'formatted', fsType: 'xfs', uuid: 'u1' }, { state: 'formatted', fsType: 'xfs', uuid: 'u2' }),
    ).toBe(true);
    expect(
      allowed({ state: 'formatted', fsType: 'xfs', uuid: 'u1' }, { state: 'formatted', fsType: 'ext4', uuid: 'u1' }),
    ).toBe(false);
  });
});

describe('a mark', () => {
  it('refuses a stale revision before anything else, and says to try again', () => {
    try {
      nextRecord(
        record({ state: 'formatted', fsType: 'xfs', uuid: 'u1' }),
        { format: { state: 'none' } },
        { ifRevision: 'r0', revision: 'r2' },
      );
      expect.unreachable();
    } catch (e) {
      expect(isVolumeError(e, 'busy') && e.retryable).toBe(true);
    }
  });

  it('changes what it names, keeps the rest, and leaves the old record alone', () => {
    const before = { ...record({ state: 'blank', fsType: 'xfs' }), labels: { a: '1' }, dataDir: 'data' };
    const after = nextRecord(before, { labels: { b: '2' }, hints: { iops: 5 } }, { ifRevision: 'r1', revision: 'r2' });
    expect(after).toEqual({ ...before, revision: 'r2', labels: { b: '2' }, hints: { iops: 5 } });
    expect(before.revision).toBe('r1');
    const forged = nextRecord(before, { revision: 'forged' } as never, { ifRevision: 'r1', revision: 'r2' });
    expect(forged.revision).toBe('r2');
  });
});
