import { storageConformance } from '@rexray/conformance';
import { gib } from '@rexray/core';
import { describe, it } from 'vitest';
import { classify } from '../src/errors.ts';
import { faultWorld } from './world.ts';

storageConformance('ebs, on our own EC2 server (not Amazon’s), at once', {
  runner: { describe, it },
  open: () => faultWorld({}, { maxRetries: 3 }),
  classify,
  params: { type: 'gp3' },
  otherParams: { type: 'gp2' },
  sizeBytes: gib(4),
  deadlineMs: 15_000,
});
