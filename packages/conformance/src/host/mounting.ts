import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { pause } from '../outcome.ts';
import { premise } from '../runner.ts';
import type { HostRule } from './world.ts';

/** Mounts, growth, freezing. */
export const MOUNTING: readonly HostRule[] = [
  {
    id: 'host/mount',
    says: 'a mount is what mounted and mounts say, and its path is the sub-directory',
    async run(t) {
      const b = await t.mounted();
      assert.deepEqual(
        [b.mount.target, b.mount.path, b.mount.devno, b.mount.fsType, b.mount.readonly],
        [b.target, `${b.target}/data`, b.device.devno, t.fsType, false],
      );
      const seen = await b.session.mounted(b.target, t.ctx());
      assert.deepEqual([seen?.devno, seen?.mountId], [b.device.devno, b.mount.mountId]);
      const listed = (await t.host.mounts(t.world.mountRoot, t.ctx())).filter((m) => m.target === b.target);
      assert.deepEqual(
        listed.map((m) => m.devno),
        [b.device.devno],
      );
    },
  },
  {
    id: 'host/mount-idempotent',
    says: 'the same device at the same target again is the same mount',
    async run(t) {
      const b = await t.mounted();
      const again = await b.session.mount(b.device, t.spec(b.target), t.ctx());
      assert.deepEqual([again.mountId, again.path], [b.mount.mountId, b.mount.path]);
      const listed = (await t.host.mounts(t.world.mountRoot, t.ctx())).filter((m) => m.target === b.target);
      assert.equal(listed.length, 1, 'two mounts lie on each other');
    },
  },
  {
    id: 'host/mount-root',
    says: 'the sub-directory "/" is the root of the file system',
    async run(t) {
      const b = await t.formatted();
      const target = t.target();
      const m = await b.session.mount(b.device, t.spec(target, { subdir: '/' }), t.ctx());
      assert.equal(m.path.replace(/\/$/, ''), target);
    },
  },
  {
    id: 'host/mount-blank',
    says: 'a disk without a file system is not mounted',
    async run(t) {
      const b = await t.bed();
      const target = t.target();
      await t.rejects('a blank disk', b.session.mount(b.device, t.spec(target), t.ctx()), 'invalid', 'data_loss');
      assert.equal(await b.session.mounted(target, t.ctx()), undefined);
    },
  },
  {
    id: 'host/mount-taken',
    says: 'a target that another device has is refused, and that mount stays',
    async run(t) {
      const one = await t.mounted();
      const two = await t.formatted();
      const r = await t.settle(two.session.mount(two.device, t.spec(one.target), t.ctx()));
      assert.ok(!r.ok, 'it was mounted over the other');
      assert.equal((await one.session.mounted(one.target, t.ctx()))?.devno, one.device.devno);
    },
  },
  {
    id: 'host/mount-readonly',
    says: 'a read-only mount says so and takes no write',
    async run(t) {
      const b = await t.mounted();
      await b.session.unmount(b.target, {}, t.ctx());
      const spec = t.spec(b.target, { readonly: true, makeSubdir: false });
      const m = await b.session.mount(b.device, spec, t.ctx());
      assert.equal(m.readonly, true);
      const r = await t.settle(t.world.write(`${m.path}/f`, 'no'));
      assert.ok(!r.ok, 'a write succeeded');
    },
  },
  {
    id: 'host/mounts-below',
    says: 'mounts answers what lies below the directory, and nothing else',
    async run(t) {
      const [one, two] = [await t.mounted(), await t.mounted()];
      const below = (await t.host.mounts(one.target, t.ctx())).map((m) => m.target);
      assert.ok(!below.includes(two.target), `${two.target} is not below ${one.target}`);
      const all = (await t.host.mounts(t.world.mountRoot, t.ctx())).map((m) => m.target);
      assert.deepEqual(all.filter((x) => x === one.target || x === two.target).sort(), [one.target, two.target].sort());
    },
  },
  {
    id: 'host/content',
    says: 'what was written is there after unmount, disconnect, connect and mount',
    async run(t) {
      const b = await t.mounted();
      await t.world.write(`${b.mount.path}/f`, 'kept');
      await b.session.unmount(b.target, {}, t.ctx());
      await b.session.disconnect(b.a, t.ctx());
      const device = await b.session.connect(b.a, { readonly: false }, t.ctx());
      const m = await b.session.mount(device, t.spec(b.target), t.ctx());
      assert.equal(await t.world.read(`${m.path}/f`), 'kept');
    },
  },
  {
    id: 'host/unmount',
    says: 'after unmount nothing is mounted there; again is ok',
    async run(t) {
      const b = await t.mounted();
      await b.session.unmount(b.target, {}, t.ctx());
      assert.equal(await b.session.mounted(b.target, t.ctx()), undefined);
      await b.session.unmount(b.target, {}, t.ctx());
    },
  },
  {
    id: 'host/unmount-other',
    says: 'a mount of another device than the expected one is left alone (S12)',
    async run(t) {
      const b = await t.mounted();
      await t.settle(b.session.unmount(b.target, { expectDevno: '259:9999' }, t.ctx()));
      assert.equal((await b.session.mounted(b.target, t.ctx()))?.devno, b.device.devno);
    },
  },
  {
    id: 'host/unmount-in-use',
    says: 'a mount that a process uses is in_use, naming the process, and stays (S6)',
    async run(t) {
      const use = t.hook('use');
      const b = await t.mounted();
      const user = await use(b.target);
      try {
        const e = (await t.rejects('a used mount', b.session.unmount(b.target, {}, t.ctx()), 'in_use')) as {
          details?: { pids?: readonly number[] };
        };
        assert.ok(e.details?.pids?.includes(user.pid), `process ${user.pid} is not named`);
        assert.equal((await b.session.mounted(b.target, t.ctx()))?.devno, b.device.devno);
      } finally {
        await user.release();
      }
      await b.session.unmount(b.target, {}, t.ctx());
    },
  },
  {
    id: 'host/users',
    says: 'users names a process that has the volume',
    async run(t) {
      const use = t.hook('use');
      const b = await t.mounted();
      const user = await use(b.target);
      try {
        const pids = (await b.session.users(b.device, t.ctx())).map((u) => u.pid);
        assert.ok(pids.includes(user.pid), `process ${user.pid} is not among ${pids.join(', ')}`);
      } finally {
        await user.release();
      }
    },
  },
  {
    id: 'host/copy-beside',
    says: 'a copy with a new UUID mounts beside its original (S25)',
    async run(t) {
      const copy = t.hook('copy');
      const b = await t.mounted();
      await t.world.write(`${b.mount.path}/f`, 'original');
      await b.session.unmount(b.target, {}, t.ctx());
      const c = await t.bed('blank', await copy(b.a));
      await c.session.newUuid(c.device, { fsType: t.fsType, uuid: randomUUID() }, t.ctx());
      await b.session.mount(b.device, t.spec(b.target), t.ctx());
      const beside = await c.session.mount(c.device, t.spec(t.target()), t.ctx());
      assert.equal(await t.world.read(`${beside.path}/f`), 'original');
      await t.world.write(`${beside.path}/f`, 'copy');
      assert.equal(await t.world.read(`${b.mount.path}/f`), 'original');
    },
  },
  {
    id: 'host/refresh',
    says: 'refresh tells the size to which the storage grew',
    async run(t) {
      const enlarge = t.hook('enlarge');
      const b = await t.bed();
      await enlarge(b.a, t.size * 2);
      assert.equal((await b.session.refresh(b.device, t.ctx())).sizeBytes, t.size * 2);
    },
  },
  {
    id: 'host/grow',
    says: 'grow makes the file system as large as its device and keeps the content, or says why not (S17)',
    async run(t) {
      const enlarge = t.hook('enlarge');
      const b = await t.mounted();
      await t.world.write(`${b.mount.path}/f`, 'kept');
      await b.session.sync(b.target, t.ctx());
      await enlarge(b.a, t.size * 2);
      const device = await b.session.refresh(b.device, t.ctx());
      premise(device.sizeBytes === t.size * 2, 'host/refresh');
      const r = await b.session.grow(device, { fsType: t.fsType, target: b.target }, t.ctx());
      if (r.grown) assert.ok((r.fsBytes ?? Number.POSITIVE_INFINITY) > t.size, `${r.fsBytes} is no growth`);
      else assert.ok((r.why ?? '') !== '', 'nothing says why it did not grow');
      assert.equal(await t.world.read(`${b.mount.path}/f`), 'kept');
    },
  },
  {
    id: 'host/freeze',
    says: 'a freeze that is thawed in time has held',
    async run(t) {
      const b = await t.mounted();
      await b.session.freeze(b.target, { maxMs: 5_000 }, t.ctx());
      assert.deepEqual(await b.session.thaw(b.target, t.ctx()), { held: true });
    },
  },
  {
    id: 'host/freeze-ends',
    says: 'a freeze ends by itself, and thaw says so (S16)',
    async run(t) {
      const b = await t.mounted();
      await b.session.freeze(b.target, { maxMs: 100 }, t.ctx());
      await pause(400);
      assert.deepEqual(await b.session.thaw(b.target, t.ctx()), { held: false });
      await t.world.write(`${b.mount.path}/f`, 'goes through');
    },
  },
  {
    id: 'host/cancel',
    says: 'a call with an aborted signal throws and does nothing',
    async run(t) {
      const b = await t.formatted();
      const target = t.target();
      const r = await t.settle(b.session.mount(b.device, t.spec(target), t.ctx({ signal: AbortSignal.abort() })));
      assert.ok(!r.ok, 'it was mounted for a caller that is gone');
      assert.equal(await b.session.mounted(target, t.ctx()), undefined);
    },
  },
];
