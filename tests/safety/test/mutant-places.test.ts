import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { WORKSPACE } from '@rexray/rig';
import { expect, it } from 'vitest';
import { MUTANTS } from '../src/mutants.ts';

// The mutants run on request; that each still has its place, and its test, is seen in every run.
it.each(MUTANTS)('the place of a mutant: $name', (m) => {
  expect(readFileSync(join(WORKSPACE, m.file), 'utf8').split(m.from)).toHaveLength(2);
  expect(readFileSync(join(WORKSPACE, m.caughtBy.file), 'utf8').length).toBeGreaterThan(0);
});
