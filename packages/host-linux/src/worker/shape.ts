import type { HostSession } from '@rexray/core';
import type { Shape } from '../rpc/index.ts';

const SESSION = {
  connect: 'value',
  disconnect: 'value',
  find: 'value',
  assertUnused: 'value',
  users: 'value',
  probe: 'value',
  format: 'value',
  check: 'value',
  newUuid: 'value',
  mount: 'value',
  unmount: 'value',
  mounted: 'value',
  grow: 'value',
  refresh: 'value',
  freeze: 'value',
  thaw: 'value',
  sync: 'value',
  release: 'last',
} as const satisfies Record<keyof HostSession, 'value' | 'last'>;

/** What a worker does; the rest of the host driver touches no device and no mount, and stays in the parent. */
export const HOST_SHAPE: Shape = { open: SESSION };
export const SESSION_METHODS = Object.keys(SESSION) as (keyof HostSession)[];
