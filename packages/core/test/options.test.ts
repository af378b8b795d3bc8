import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GIB, isVolumeError } from '../src/index.ts';
import { joinOptionString, OPTIONS, parseOptions, splitOptionString } from '../src/options.ts';

const refusal = (body: () => unknown): { text: string; path: string | undefined } => {
  try {
    body();
  } catch (e) {
    if (!isVolumeError(e, 'invalid')) throw e;
    return { text: e.text, path: e.details.path };
  }
  throw new Error('was accepted');
};
const params = { type: 'object', properties: { poolName: { type: 'string' }, tier: {}, Tier: {} } };

describe('string options', () => {
  it('reads what a Mesos task carries', () => {
    expect(parseOptions(splitOptionString('size=5,iops=150,volumetype=io1,newfstype=xfs,overwritefs=true'))).toEqual({
      size: 5 * GIB,
      hints: { iops: 150, type: 'io1' },
      fsType: 'xfs',
      overwriteFs: true,
    });
  });

  it('reads every option of the table by each of its spellings, in any case', () => {
    for (const row of OPTIONS) {
      const [key = '', value = ''] = splitOptionString(row.example)[0] ?? [];
      const plain = parseOptions({ [key]: value });
      expect(Object.keys(plain), row.name).toHaveLength(1);
      const spellings = row.name.endsWith('.') ? [key] : [row.name, ...row.aliases];
      for (const s of spellings) {
        const upper = row.name.endsWith('.') ? row.name.toUpperCase() + s.slice(row.name.length) : s.toUpperCase();
        expect(parseOptions({ [upper]: value }), s).toEqual(plain);
      }
    }
  });

  it('reads ours', () => {
    expect(
      parseOptions([
        ['uid', '1000'],
        ['GID', '0'],
        ['mode', '0750'],
        ['ro', ''],
        ['label.Team', 'a=b'],
        ['mountOptions', 'noatime, lazytime'],
        ['mountoptions', 'discard'],
        ['mkfs.label', 'data'],
        ['from', 'Snapshot:nightly:2'],
        ['encrypted', 'T'],
        ['encryptionKey', 'k'],
        ['availabilityzone', 'a'],
      ]),
    ).toEqual({
      owner: { uid: 1000, gid: 0, mode: 0o750 },
      readOnly: true,
      labels: { Team: 'a=b' },
      mountOptions: ['noatime', 'lazytime', 'discard'],
      mkfs: { label: 'data' },
      from: { snapshot: 'nightly:2' },
      encrypted: true,
      encryptionKey: 'k',
      hints: { availabilityZone: 'a' },
    });
    expect(parseOptions({})).toEqual({});
  });

  it.each([
    ['size', '10 GB!'],
    ['size', ''],
    ['size', '0'],
    ['size', '-1'],
    ['IOPS', '1.5'],
    ['iops', 'many'],
    ['newFsType', 'ntfs'],
    ['overwriteFS', 'maybe'],
    ['encrypted', '2'],
    ['uid', '-1'],
    ['gid', 'root'],
    ['uid', '4294967295'],
    ['mode', '888'],
    ['mode', '7'],
    ['from', 'nightly'],
    ['volumeName', ''],
    ['label.', 'x'],
    ['label.__proto__', 'x'],
    ['mkfs.', 'x'],
    ['mountOptions', ''],
  ])('an unparsable value names its key: %s=%s', (key, value) => {
    const { text, path } = refusal(() => parseOptions({ [key]: value }));
    expect(path).toBe(key);
    expect(text).toContain(key);
  });

  it('says it for a size that would have become 0 in REX-Ray', () => {
    expect(parseOptions({ size: '10GB' }).size).toBe(10 * 1000 ** 3);
    expect(refusal(() => parseOptions({ Size: '5,iops=150' })).text).toContain('Size: "5,iops=150" is not a size');
  });

  it('an unknown key is an error with near names', () => {
    expect(refusal(() => parseOptions({ sise: '5' }))).toMatchObject({
      path: 'sise',
      text: expect.stringContaining('Did you mean size'),
    });
    expect(refusal(() => parseOptions({ poolname: 'x' })).text).toContain('not known');
    expect(refusal(() => parseOptions({ '': 'x' })).text).toContain('no name');
    expect(refusal(() => parseOptions({ qqqqqqqq: '' }, { params })).text).toContain('poolName');
  });

  it('passes on what the driver knows, in any case', () => {
    expect(parseOptions({ POOLNAME: '7', size: '1' }, { params })).toEqual({ size: GIB, params: { poolName: '7' } });
    expect(parseOptions({ tier: 'a', Tier: 'b' }, { params })).toEqual({ params: { tier: 'a', Tier: 'b' } });
    expect(refusal(() => parseOptions({ TIER: 'a' }, { params })).text).toContain('not known');
    expect(refusal(() => parseOptions({ poolName: 'a', POOLNAME: 'b' }, { params })).text).toContain('twice');
    expect(refusal(() => parseOptions({ constructor: 'a' }, { params })).text).toContain('not known');
  });

  it('refuses contradictions, and takes the same thing said twice', () => {
    expect(parseOptions({ type: 'a', volumeType: 'b' })).toEqual({ hints: { type: 'a' } });
    expect(parseOptions({ volumeType: 'b', TYPE: 'a' })).toEqual({ hints: { type: 'a' } });
    expect(parseOptions({ newFsType: 'xfs', fsType: 'xfs' })).toEqual({ fsType: 'xfs' });
    expect(refusal(() => parseOptions({ newFsType: 'xfs', fsType: 'ext4' })).text).toContain('contradict');
    expect(refusal(() => parseOptions({ size: '5', SIZE: '6' })).text).toContain('give it once');
    expect(refusal(() => parseOptions({ volumeName: 'a', volumeID: 'b' })).text).toContain('name one source');
    expect(refusal(() => parseOptions({ from: 'volume:a', snapshotName: 'b' })).text).toContain('name one source');
  });

  it.each(['volumeName', 'volumeID', 'snapshotName', 'snapshotID', 'from'])(
    'S3: overwriteFs with %s is invalid',
    (key) => {
      const value = key === 'from' ? 'volume:a' : 'a';
      expect(refusal(() => parseOptions({ overwriteFs: 'true', [key]: value })).path).toBe('overwriteFs');
      expect(parseOptions({ overwriteFs: 'false', [key]: value }).overwriteFs).toBe(false);
    },
  );

  it('never shows a secret', () => {
    const { text } = refusal(() =>
      parseOptions([
        ['encryptionKey', 'hunter2'],
        ['encryptionkey', 'hunter3'],
      ]),
    );
    expect(text).not.toContain('hunter');
  });

  it('whatever the keys and values: options or an `invalid` that names its key', () => {
    const key = fc.oneof(fc.constantFrom(...OPTIONS.map((r) => r.name)), fc.string());
    fc.assert(
      fc.property(fc.dictionary(key, fc.string()), (options) => {
        try {
          parseOptions(options, { params });
        } catch (e) {
          if (!isVolumeError(e, 'invalid')) throw e;
          expect(Object.keys(options)).toContain(e.details.path);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('an option string', () => {
  it.each([
    ['', []],
    [' , ,', []],
    ['size=5', [['size', '5']]],
    [
      'size=5,iops=150',
      [
        ['size', '5'],
        ['iops', '150'],
      ],
    ],
    [
      ' size = 5 , ro ',
      [
        ['size', '5'],
        ['ro', ''],
      ],
    ],
    ['label.x=a=b=c', [['label.x', 'a=b=c']]],
    [
      'm="a,b",n=1',
      [
        ['m', 'a,b'],
        ['n', '1'],
      ],
    ],
    ["m='a,\"b'", [['m', 'a,"b']]],
    [
      '"m=a,b",n=1',
      [
        ['m', 'a,b'],
        ['n', '1'],
      ],
    ],
    ['m="a\\"b\\\\"', [['m', 'a"b\\']]],
    ["label.note=it's", [['label.note', "it's"]]],
    ['=x', [['', 'x']]],
    ['m=""', [['m', '']]],
  ])('%j', (text, pairs) => {
    expect(splitOptionString(text)).toEqual(pairs);
  });

  it('names the key of a broken quote', () => {
    expect(refusal(() => splitOptionString('size=5,m="a,b')).path).toBe('m');
    expect(refusal(() => splitOptionString('m="a"b,size=5')).text).toContain('after its closing quote');
  });

  it('comes back as it was', () => {
    const key = fc.stringMatching(/^[A-Za-z][A-Za-z0-9._-]{0,10}$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(key, fc.string({ unit: 'binary' }))), (pairs) => {
        expect(splitOptionString(joinOptionString(pairs))).toEqual(pairs);
      }),
      { numRuns: 1000 },
    );
  });

  it('ends for every input, with pairs or `invalid`', () => {
    const char = fc.constantFrom('"', "'", ',', '=', '\\', ' ', 'a', 'size', '5');
    fc.assert(
      fc.property(
        fc.array(char).map((c) => c.join('')),
        (text) => {
          try {
            splitOptionString(text);
          } catch (e) {
            if (!isVolumeError(e, 'invalid')) throw e;
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});
