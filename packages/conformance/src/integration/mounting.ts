import assert from 'node:assert/strict';
import { pause } from '../outcome.ts';
import { skip } from '../runner.ts';
import type { IntegrationRule } from './world.ts';

/** Mount, unmount, holders. */
export const MOUNTING: readonly IntegrationRule[] = [
  {
    id: 'integration/mount',
    says: 'a mount answers an absolute path, and get shows it with its holder',
    async run(t) {
      const { name } = await t.create();
      const m = await t.mount(name, 'sdk:one');
      assert.ok(m.path.startsWith('/') && m.path.startsWith(m.root), `${m.path} is not below ${m.root}`);
      assert.deepEqual([m.volume, m.service, m.readOnly, m.holders], [name, t.i.service, false, ['sdk:one']]);
      const v = await t.i.get(name, t.call);
      assert.deepEqual([v.state, v.mountpoint, v.holders.map((h) => h.holder)], ['mounted', m.path, ['sdk:one']]);
    },
  },
  {
    id: 'integration/mount-content',
    says: 'what was written is there at the next mount',
    async run(t) {
      const content = t.content();
      const { name } = await t.create();
      const m = await t.mount(name);
      await content.write(`${m.path}/f`, 'kept');
      await t.unmount(name);
      const again = await t.mount(name);
      assert.deepEqual([again.path, await content.read(`${again.path}/f`)], [m.path, 'kept']);
    },
  },
  {
    id: 'integration/mount-shared',
    says: 'two holders have one mount; the last unmount ends it',
    async run(t) {
      const { name } = await t.create();
      const [one, two] = [await t.mount(name, 'sdk:one'), await t.mount(name, 'sdk:two')];
      assert.equal(two.path, one.path);
      assert.deepEqual(await t.holders(name), ['sdk:one', 'sdk:two']);
      await t.unmount(name, 'sdk:one');
      assert.deepEqual(await t.holders(name), ['sdk:two']);
      assert.equal((await t.i.get(name, t.call)).state, 'mounted');
      await t.unmount(name, 'sdk:two');
      assert.equal((await t.i.get(name, t.call)).state, 'available');
    },
  },
  {
    id: 'integration/mount-device',
    says: 'every holder is told the same device',
    async run(t) {
      const { name } = await t.create();
      const [one, two] = [await t.mount(name, 'sdk:one'), await t.mount(name, 'sdk:two')];
      assert.ok(one.device !== '', 'the first holder is told none');
      assert.equal(two.device, one.device);
    },
  },
  {
    id: 'integration/mount-counted',
    says: 'the same holder may mount several times, and each needs its unmount (S19)',
    async run(t) {
      const { name } = await t.create();
      for (let n = 0; n < 3; n++) await t.mount(name, 'engine:x');
      const [held] = (await t.i.get(name, t.call)).holders;
      assert.deepEqual([held?.holder, held?.count], ['engine:x', 3]);
      for (const state of ['mounted', 'mounted', 'available']) {
        await t.unmount(name, 'engine:x');
        assert.equal((await t.i.get(name, t.call)).state, state);
      }
    },
  },
  {
    id: 'integration/unmount-all',
    says: 'unmount with all gives back every count of its holder, and of no other',
    async run(t) {
      const { name } = await t.create();
      for (const holder of ['engine:x', 'engine:x', 'engine:y']) await t.mount(name, holder);
      await t.i.unmount(name, { holder: 'engine:x', all: true, ...t.call });
      assert.deepEqual(await t.holders(name), ['engine:y']);
    },
  },
  {
    id: 'integration/unmount-absent',
    says: 'unmounting what is not mounted succeeds; a holder that has none takes none from others',
    async run(t) {
      const { name } = await t.create();
      await t.unmount(name);
      await t.mount(name, 'engine:x');
      await t.unmount(name, 'engine:stranger');
      assert.deepEqual(await t.holders(name), ['engine:x']);
    },
  },
  {
    id: 'integration/mount-absent',
    says: 'mounting an absent volume is not_found and makes nothing',
    async run(t) {
      const name = t.name();
      await t.rejects('an absent volume', t.mount(name), 'not_found');
      assert.deepEqual(await t.names({ prefix: name }), []);
    },
  },
  {
    id: 'integration/mount-readonly',
    says: 'a read-only mount says so',
    async run(t) {
      const { name } = await t.create();
      await t.mount(name);
      await t.unmount(name);
      const m = await t.mount(name, 'sdk:ro', { readOnly: true });
      assert.equal(m.readOnly, true);
      if (t.world.content !== undefined) {
        assert.ok(!(await t.settle(t.world.content.write(`${m.path}/f`, 'no'))).ok, 'a write succeeded');
      }
    },
  },
  {
    id: 'integration/mount-concurrent',
    says: 'many holders at once have one mount, and unmounts in any order end it once',
    async run(t) {
      const { name } = await t.create();
      const holders = Array.from({ length: t.o.many ?? 32 }, (_, n) => `engine:${n}`);
      const mounts = await Promise.all(holders.map((h) => t.mount(name, h)));
      assert.equal(new Set(mounts.map((m) => m.path)).size, 1, 'different paths');
      assert.deepEqual(await t.holders(name), [...holders].sort());
      const order = holders.toSorted(
        (a, b) => ((a.length * 7 + a.charCodeAt(a.length - 1)) % 5) - ((b.length * 7 + b.charCodeAt(b.length - 1)) % 5),
      );
      await Promise.all(order.map((h) => t.unmount(name, h)));
      const v = await t.i.get(name, t.call);
      assert.deepEqual([v.state, v.holders], ['available', []]);
    },
  },
  {
    id: 'integration/mount-many-volumes',
    says: 'many volumes are mounted at once, each at its own path',
    async run(t) {
      const made = await Promise.all(Array.from({ length: Math.min(8, t.o.many ?? 8) }, () => t.create()));
      const mounts = await Promise.all(made.map((v) => t.mount(v.name)));
      assert.equal(new Set(mounts.map((m) => m.path)).size, made.length);
      await Promise.all(made.map((v) => t.unmount(v.name)));
      for (const v of made) assert.equal((await t.i.get(v.name, t.call)).state, 'available');
    },
  },
  {
    id: 'integration/mount-cancel',
    says: 'a mount whose caller goes away leaves no holder and nothing behind, and works afterwards',
    async run(t) {
      const { name } = await t.create();
      if (t.world.slow === undefined) skip('the test gives no slow()');
      t.world.slow(40);
      const r = await t.settle(t.i.mount(name, { holder: 'sdk:gone', signal: AbortSignal.timeout(60), ...t.call }));
      t.world.slow(0);
      assert.ok(!r.ok, 'it succeeded for a caller that is gone');
      // Over a wire the far side learns later that its caller is gone.
      for (let n = 0; n < 50 && (await t.i.get(name, t.call)).state !== 'available'; n++) await pause(20);
      assert.deepEqual(await t.holders(name), []);
      await t.mount(name, 'sdk:next');
      assert.deepEqual(await t.holders(name), ['sdk:next']);
    },
  },
  {
    id: 'integration/cancel-before',
    says: 'a verb that is called with an aborted signal is canceled and does nothing',
    async run(t) {
      const name = t.name();
      const r = await t.settle(t.create(name, { signal: AbortSignal.abort() }));
      assert.ok(!r.ok, 'it succeeded for a caller that is gone');
      assert.deepEqual(await t.names({ prefix: name }), []);
    },
  },
  {
    id: 'integration/attach',
    says: 'attach and detach change the state of a volume; again is ok',
    async run(t) {
      t.verb('attach');
      const { name } = await t.create();
      assert.equal((await t.i.attach(name, t.call)).state, 'attached');
      assert.equal((await t.i.attach(name, t.call)).state, 'attached');
      assert.equal((await t.i.detach(name, t.call)).state, 'available');
      assert.equal((await t.i.detach(name, t.call)).state, 'available');
    },
  },
  {
    id: 'integration/holders',
    says: 'holders are listed with their counts, for one volume or all, and can be released',
    async run(t) {
      const [one, two] = [await t.create(), await t.create()];
      for (const h of ['engine:x', 'engine:x', 'engine:y']) await t.mount(one.name, h);
      await t.mount(two.name, 'engine:x');
      const of = async (volume?: string) =>
        (await t.i.holders.list({ ...(volume !== undefined && { volume }), ...t.call }))
          .map((h) => `${h.volume} ${h.holder} ${h.count}`)
          .sort();
      assert.deepEqual(await of(one.name), [`${one.name} engine:x 2`, `${one.name} engine:y 1`]);
      assert.equal((await of()).length, 3);
      await t.i.holders.release(one.name, 'engine:x', t.call);
      assert.deepEqual(await of(one.name), [`${one.name} engine:y 1`]);
      await t.i.holders.release(one.name, 'engine:y', t.call);
      assert.equal((await t.i.get(one.name, t.call)).state, 'available');
    },
  },
];
