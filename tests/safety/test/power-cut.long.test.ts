/** State and images on a disk that loses what was not flushed, before each flush of every verb. */
import { suite } from '@rexray/rig';
import { NEEDS, powerCuts } from './power-cuts.ts';

suite('S1, S12, S13: power cut at every flush', NEEDS, () => powerCuts('all', 1));
