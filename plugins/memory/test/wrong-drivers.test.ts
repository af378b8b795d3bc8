import { collectingRunner, STORAGE_RULES, storageConformance } from '@rexray/conformance';
import { describe, expect, it } from 'vitest';
import { suiteOptions } from './world.ts';
import { WRONG_DRIVERS } from './wrong-drivers.ts';

async function failing(o: Parameters<typeof suiteOptions>[0]): Promise<{ failed: string[]; why: string }> {
  const { runner, run } = collectingRunner();
  storageConformance('a wrong driver', { runner, ...suiteOptions(o) });
  const failed = (await run()).filter((x) => x.status === 'failed');
  return { failed: failed.map((x) => x.rule), why: failed.map((x) => `${x.rule}: ${String(x.error)}`).join('\n') };
}

describe('the storage suite catches each mistake, and blames no other rule', () => {
  it.each(WRONG_DRIVERS.map((w) => [w.rule, w.mistake, w] as const))('%s: %s', async (rule, _mistake, w) => {
    const { failed, why } = await failing(w);
    expect(failed, why).toEqual([rule]);
  });

  it('has a wrong driver for every rule', () => {
    const tried = new Set(WRONG_DRIVERS.map((w) => w.rule));
    expect(STORAGE_RULES.map((r) => r.id).filter((id) => !tried.has(id))).toEqual([]);
  });

  it('has no two rules of one name', () => {
    const ids = STORAGE_RULES.map((r) => r.id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});
