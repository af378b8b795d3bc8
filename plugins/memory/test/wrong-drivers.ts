import { ATTACHING } from './wrong/attaching.ts';
import { COPYING } from './wrong/copying.ts';
import { GROWING } from './wrong/growing.ts';
import { KEEPING } from './wrong/keeping.ts';
import { LIFECYCLE } from './wrong/lifecycle.ts';
import { LISTING } from './wrong/listing.ts';
import { RECORDING } from './wrong/recording.ts';
import type { WrongDriver } from './wrong/wrong.ts';

/** Small wrong drivers, at least one for each rule of the storage suite. */
export const WRONG_DRIVERS: readonly WrongDriver[] = [
  ...LIFECYCLE,
  ...ATTACHING,
  ...RECORDING,
  ...LISTING,
  ...GROWING,
  ...COPYING,
  ...KEEPING,
];
