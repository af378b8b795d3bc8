import { suite } from '@rexray/rig';
import { NEEDS, powerCuts } from './power-cuts.ts';

suite('S1, S12, S13: power cut at some flushes', NEEDS, () =>
  powerCuts(['create', 'first mount (format)', 'clone', 'remove'], 3),
);
