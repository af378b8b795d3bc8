/** A service that is not open yet (its server has not been asked) does not know its verbs: a client must not keep that. */
import { EventBus, type Integration, OPS } from '@rexray/core';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { Cleanup, embedded, serve } from './embedded.ts';

const cleanup = new Cleanup();
afterAll(() => cleanup.run());

/** As the runtime holds a service: what it says of itself changes when it opens. */
async function late(): Promise<{ service: Integration; open(): void; asked(): number }> {
  const { integration } = await embedded(new EventBus(), 'late');
  let open = false;
  let asked = 0;
  const none = Object.fromEntries(OPS.map((op) => [op, !op.startsWith('snapshots.')])) as Integration['can'];
  const service: Integration = Object.create(integration, {
    traits: { get: () => (open ? integration.traits : { ...integration.traits, provisional: true }) },
    can: {
      get() {
        asked += 1;
        return open ? integration.can : none;
      },
    },
  });
  return {
    service,
    open() {
      open = true;
    },
    asked: () => asked,
  };
}

describe('what a service that is not open yet says of itself', () => {
  it('is called provisional, and asked again by a client that looks', async () => {
    const { service, open } = await late();
    const on = await serve(cleanup, { more: { late: service } });
    const remote = await on.client.integration('late');
    expect([remote.traits.provisional, remote.can['snapshots.create']]).toEqual([true, false]);
    open();
    await vi.waitFor(() => expect(remote.can['snapshots.create']).toBe(true), { timeout: 15_000, interval: 50 });
    expect(remote.traits).toEqual(service.traits);
  });

  it('is asked again by the first verb that is answered', async () => {
    const { service, open, asked } = await late();
    const on = await serve(cleanup, { more: { late: service } });
    const remote = await on.client.integration('late', { known: await on.client.services() });
    open();
    const before = asked();
    await remote.list();
    // Nobody looks at what the client holds: the verb alone makes it ask.
    await vi.waitFor(() => expect(asked()).toBe(before + 1), { timeout: 15_000, interval: 20 });
    await vi.waitFor(() => expect(remote.can).toEqual(service.can), { timeout: 15_000, interval: 20 });
    expect(remote.traits.provisional).toBeUndefined();
  });
});
