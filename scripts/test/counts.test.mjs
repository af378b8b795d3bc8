import { describe, expect, it } from 'vitest';
import { countsOf } from '../vitest-run.mjs';

const file = (status, ...tests) => ({
  name: 'a.test.ts',
  status,
  message: status === 'failed' ? 'SyntaxError: no\nat x' : '',
  assertionResults: tests.map((t) => ({ ancestorTitles: ['suite'], title: t, status: t })),
});
const counts = (testResults, status) => countsOf({ testResults }, status);

describe('counts of a run', () => {
  it('are those of the report', () => {
    const c = counts([file('failed', 'passed', 'passed', 'failed', 'skipped', 'todo')], 1);
    expect([c.passed, c.failed, c.skipped.length]).toEqual([2, 1, 2]);
  });
  it('a file that did not load is a failure', () => {
    const c = counts([file('passed', 'passed'), file('failed')], 1);
    expect(c.failed).toBe(1);
    expect(c.failures[0]).toContain('SyntaxError: no');
  });
  it('a failure outside any test is a failure', () => {
    expect(counts([file('passed', 'passed')], 1).failed).toBe(1);
  });
  it('a green run has none', () => {
    expect(counts([file('passed', 'passed')], 0).failed).toBe(0);
  });
});
