import { type Runner, storageConformance, type TestContext } from '@rexray/conformance';
import { gib } from '@rexray/core';
import { Cleanup, type Moto, moto, motoSuite } from '@rexray/rig';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { classify } from '../src/errors.ts';
import { motoWorld } from './moto-world.ts';
import { faultWorld } from './world.ts';

/** What moto 5.1 does otherwise than EC2: rules that are run there too, and need not hold. All hold on our own server. */
const NOT_ON_MOTO: Readonly<Record<string, string>> = {
  'storage/attach-concurrent':
    'moto attaches an attached volume, and takes it from its owner without a word: nobody decides',
  'storage/create-concurrent': 'moto ignores ClientToken: two processes at once make two volumes',
};

type Ended = 'held' | 'did not hold' | `skipped: ${string}`;
const ended: Record<'ours' | 'moto', Map<string, Ended>> = { ours: new Map(), moto: new Map() };

/** Runs each rule under vitest, and notes how it ended there. */
function noting(where: keyof typeof ended, mayFail: Readonly<Record<string, string>> = {}): Runner {
  const noted = async (rule: string, body: (t?: TestContext) => Promise<void>, t: TestContext): Promise<void> => {
    const note = (how: Ended): void => void ended[where].set(rule, how);
    note('held');
    const skip = (reason = ''): void => {
      note(`skipped: ${reason}`);
      t.skip?.(reason);
    };
    try {
      await body({ skip });
    } catch (e) {
      if (ended[where].get(rule)?.startsWith('skipped')) throw e;
      note('did not hold');
      if (mayFail[rule] === undefined) throw e;
    }
  };
  return {
    describe,
    it: (name, body) => it(name, (t) => noted(name.split(':')[0] ?? name, body, t as TestContext)),
  };
}

const CASES = {
  classify,
  params: { type: 'gp3' },
  otherParams: { type: 'gp2' },
  sizeBytes: gib(4),
  deadlineMs: 15_000,
} as const;

storageConformance('ebs, on our own EC2 server (not Amazon’s), at once', {
  ...CASES,
  runner: noting('ours'),
  open: () => faultWorld({}, { maxRetries: 3 }),
});

motoSuite('moto', () => {
  const cleanup = new Cleanup();
  let emulator: Moto;
  beforeAll(async () => {
    emulator = await moto(cleanup);
  }, 40_000);
  afterAll(() => cleanup.run());

  storageConformance('ebs, on moto', {
    ...CASES,
    runner: noting('moto', NOT_ON_MOTO),
    open: () => motoWorld(emulator),
  });
});

afterAll(() => {
  const differ = [...ended.moto].filter(([rule, how]) => ended.ours.get(rule) !== how);
  const lines = differ.map(
    ([rule, how]) => `${rule.padEnd(30)} ours: ${ended.ours.get(rule)} · moto: ${how} ${NOT_ON_MOTO[rule] ?? ''}`,
  );
  console.log(`${ended.moto.size} rules on both servers, ${differ.length} end differently:\n${lines.join('\n')}`);
});
