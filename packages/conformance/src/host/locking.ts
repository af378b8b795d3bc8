import assert from 'node:assert/strict';
import { pause } from '../outcome.ts';
import type { HostRule } from './world.ts';

/** Facts, processes and the lock of a volume. */
export const LOCKING: readonly HostRule[] = [
  {
    id: 'host/facts',
    says: 'facts name the node and its boot, the same each time',
    async run(t) {
      const one = await t.host.facts(t.ctx());
      for (const key of ['nodeId', 'bootId', 'hostname', 'kernel'] as const)
        assert.ok(one[key] !== '', `${key} is empty`);
      const two = await t.host.facts(t.ctx());
      assert.deepEqual([two.nodeId, two.bootId], [one.nodeId, one.bootId]);
    },
  },
  {
    id: 'host/identify',
    says: 'identify knows this process, and not one that does not live',
    async run(t) {
      const self = await t.host.identify(process.pid, t.ctx());
      assert.ok(self !== undefined && self.starttime !== '', 'this process lives');
      assert.equal(self.bootId, (await t.host.facts(t.ctx())).bootId);
      assert.equal(await t.host.identify(2 ** 30, t.ctx()), undefined);
    },
  },
  {
    id: 'host/lock',
    says: 'a second session of one volume waits for the first (S4)',
    async run(t) {
      const key = t.key();
      const first = await t.open(key);
      let got = false;
      const second = t.open(key).then((s) => {
        got = true;
        return s;
      });
      await pause(50);
      const early = got;
      await first.release();
      await (await second).release();
      assert.equal(early, false, 'both had the lock');
    },
  },
  {
    id: 'host/lock-apart',
    says: 'sessions of different volumes do not wait for each other',
    async run(t) {
      const one = await t.open();
      const two = await t.host.open(t.key(), t.ctx({ ms: 5_000 }));
      await two.release();
      await one.release();
    },
  },
  {
    id: 'host/lock-processes',
    says: 'the lock holds between processes of a host (S4)',
    async run(t) {
      const other = await t.hook('another')();
      const key = t.key();
      const mine = await t.open(key);
      const r = await t.settle(other.open(key, t.ctx({ ms: 100 })));
      if (r.ok) await r.value.release();
      assert.ok(!r.ok, 'another process got the lock as well');
      await mine.release();
      await (await other.open(key, t.ctx())).release();
    },
  },
  {
    id: 'host/lock-deadline',
    says: 'who waits for the lock past the deadline gets busy',
    async run(t) {
      const key = t.key();
      const first = await t.open(key);
      const began = performance.now();
      const r = await t.settle(t.host.open(key, t.ctx({ ms: 100 })));
      if (r.ok) await r.value.release();
      assert.ok(performance.now() - began < 5_000, 'it waited far beyond its deadline');
      await first.release();
      // The deadline of the caller's signal and that of the wait are the same moment: either may be told first.
      if (!r.ok) assert.ok(['busy', undefined].includes(t.code(r.error)) || isTimeout(r.error), String(r.error));
    },
  },
  {
    id: 'host/lock-abort',
    says: 'who goes away while waiting does not get the lock later',
    async run(t) {
      const key = t.key();
      const first = await t.open(key);
      const gone = new AbortController();
      const waiting = t.settle(t.host.open(key, t.ctx({ signal: gone.signal })));
      await pause(20);
      gone.abort();
      const r = await waiting;
      await first.release();
      assert.ok(!r.ok, 'it got the lock that another session has');
      await (await t.host.open(key, t.ctx({ ms: 5_000 }))).release();
    },
  },
  {
    id: 'host/release',
    says: 'after release the session does nothing any more; releasing again succeeds',
    async run(t) {
      const b = await t.formatted();
      await b.session.release();
      await b.session.release();
      const r = await t.settle(b.session.format(b.device, { fsType: t.fsType, uuid: b.uuid, options: {} }, t.ctx()));
      assert.ok(!r.ok, 'a session without its lock formatted a disk');
    },
  },
];

const isTimeout = (e: unknown): boolean => e instanceof Error && (e.name === 'TimeoutError' || e.name === 'AbortError');
