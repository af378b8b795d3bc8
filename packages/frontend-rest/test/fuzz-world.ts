import { EventBus } from '@rexray/core';
import type { Cleanup } from '@rexray/rig';
import { embedded } from './embedded.ts';
import { MARK } from './fuzz-requests.ts';
import { KEY, type Secure, secure } from './secure.ts';

/** A server with a service for all, and one that only ann may see, in which everything has a mark. */
export async function world(cleanup: Cleanup): Promise<Secure> {
  const hidden = await embedded(new EventBus(), 'hidden');
  for (let i = 0; i < 3; i++) await hidden.integration.create(`hid-${i}`, { labels: { mark: MARK } });
  const on = await secure(cleanup, {
    more: { hidden: hidden.integration },
    config: {
      auth: { key: KEY, services: { hidden: { allow: ['ann'] } } },
      rateLimit: { perSecond: 0 },
    },
  });
  for (let i = 0; i < 4; i++) await on.integration.create(`v-${i}`);
  return on;
}
