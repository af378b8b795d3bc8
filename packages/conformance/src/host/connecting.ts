import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { premise } from '../runner.ts';
import type { HostRule } from './world.ts';

/** Devices, and what stands on them. */
export const CONNECTING: readonly HostRule[] = [
  {
    id: 'host/connect',
    says: 'connect makes a disk reachable: a block device of its size',
    async run(t) {
      const { device } = await t.bed();
      assert.deepEqual([device.kind, device.sizeBytes, device.readonly, device.fresh], ['block', t.size, false, true]);
      assert.ok(device.path.startsWith('/') && /^\d+:\d+$/.test(device.devno), `${device.path} ${device.devno}`);
    },
  },
  {
    id: 'host/connect-idempotent',
    says: 'the same disk gives the same device, which is not fresh then (S7)',
    async run(t) {
      const b = await t.bed();
      const again = await b.session.connect(b.a, { readonly: false }, t.ctx());
      assert.deepEqual([again.path, again.devno, again.fresh], [b.device.path, b.device.devno, false]);
    },
  },
  {
    id: 'host/connect-apart',
    says: 'different disks give different devices',
    async run(t) {
      const [one, two] = [await t.bed(), await t.bed()];
      assert.notEqual(one.device.devno, two.device.devno);
    },
  },
  {
    id: 'host/connect-absent',
    says: 'what is not there is unavailable, and no device is left of it',
    async run(t) {
      const session = await t.open();
      const a = await t.world.absent();
      const connecting = session.connect(a, { readonly: false }, t.ctx({ ms: 2_000 }));
      await t.rejects('an absent disk', connecting, 'unavailable', 'denied', 'timeout', 'not_found');
      assert.equal(await session.find(a, t.ctx()), undefined);
    },
  },
  {
    id: 'host/find',
    says: 'find answers the connected device, undefined otherwise, and connects nothing',
    async run(t) {
      const a = await t.make();
      const session = await t.open();
      assert.equal(await session.find(a, t.ctx()), undefined);
      const device = await session.connect(a, { readonly: false }, t.ctx());
      premise(device.fresh, 'host/connect');
      assert.equal((await session.find(a, t.ctx()))?.path, device.path);
    },
  },
  {
    id: 'host/disconnect',
    says: 'after disconnect nothing of the device is left; again is ok',
    async run(t) {
      const b = await t.bed();
      await b.session.disconnect(b.a, t.ctx());
      assert.equal(await b.session.find(b.a, t.ctx()), undefined);
      await b.session.disconnect(b.a, t.ctx());
    },
  },
  {
    id: 'host/disconnect-mounted',
    says: 'disconnecting what is mounted is in_use, and it stays mounted',
    async run(t) {
      const b = await t.mounted();
      await t.rejects('a mounted device', b.session.disconnect(b.a, t.ctx()), 'in_use');
      assert.equal((await b.session.mounted(b.target, t.ctx()))?.devno, b.device.devno);
      assert.equal((await b.session.find(b.a, t.ctx()))?.devno, b.device.devno);
    },
  },
  {
    id: 'host/unused',
    says: 'assertUnused passes for a free device and is in_use for a mounted one (S6)',
    async run(t) {
      const b = await t.formatted();
      await b.session.assertUnused(b.device, t.ctx());
      const target = t.target();
      await b.session.mount(b.device, t.spec(target), t.ctx());
      await t.rejects('a mounted device', b.session.assertUnused(b.device, t.ctx()), 'in_use');
    },
  },
  {
    id: 'host/probe-blank',
    says: 'blank is answered for a blank disk, and only where proof was asked for (S2)',
    async run(t) {
      const b = await t.bed();
      assert.equal((await b.session.probe(b.device, { prove: true }, t.ctx())).verdict, 'blank');
      assert.notEqual((await b.session.probe(b.device, { prove: false }, t.ctx())).verdict, 'blank');
    },
  },
  {
    id: 'host/probe-noise',
    says: 'data without a signature is never blank (S2)',
    async run(t) {
      const b = await t.bed('noise');
      const { verdict } = await b.session.probe(b.device, { prove: true }, t.ctx());
      assert.equal(verdict, 'unknown');
    },
  },
  {
    id: 'host/probe-foreign',
    says: 'a signature of something else is foreign, and says what was found (S2)',
    async run(t) {
      const b = await t.bed('foreign');
      const { verdict, found } = await b.session.probe(b.device, { prove: true }, t.ctx());
      assert.equal(verdict, 'foreign');
      assert.ok(found !== undefined && found !== '', 'nothing says what was found');
    },
  },
  {
    id: 'host/format',
    says: 'format makes the file system with the UUID that it was given (S1)',
    async run(t) {
      const b = await t.formatted();
      const p = await b.session.probe(b.device, { prove: false }, t.ctx());
      assert.deepEqual([p.verdict, p.fsType, p.uuid], ['fs', t.fsType, b.uuid]);
    },
  },
  {
    id: 'host/format-in-use',
    says: 'format of a mounted device is refused, and what is on it stays',
    async run(t) {
      const b = await t.mounted();
      const again = b.session.format(
        b.device,
        { fsType: t.fsType, uuid: randomUUID(), options: {}, wipe: true },
        t.ctx(),
      );
      await t.rejects('a mounted device', again, 'in_use');
      assert.equal((await b.session.probe(b.device, { prove: false }, t.ctx())).uuid, b.uuid);
    },
  },
  {
    id: 'host/check',
    says: 'a file system that was cleanly unmounted checks clean',
    async run(t) {
      const b = await t.mounted();
      await b.session.unmount(b.target, {}, t.ctx());
      const { clean } = await b.session.check(b.device, { fsType: t.fsType, repair: false }, t.ctx());
      assert.equal(clean, true);
    },
  },
  {
    id: 'host/check-damage',
    says: 'what is no file system is data_loss, and is not changed (S24)',
    async run(t) {
      const b = await t.bed('noise');
      const checking = b.session.check(b.device, { fsType: t.fsType, repair: true }, t.ctx());
      await t.rejects('noise', checking, 'data_loss');
      assert.equal((await b.session.probe(b.device, { prove: true }, t.ctx())).verdict, 'unknown');
    },
  },
  {
    id: 'host/new-uuid',
    says: 'newUuid gives a file system another UUID and keeps its content (S25)',
    async run(t) {
      const b = await t.mounted();
      await t.world.write(`${b.mount.path}/f`, 'kept');
      await b.session.unmount(b.target, {}, t.ctx());
      const uuid = randomUUID();
      await b.session.newUuid(b.device, { fsType: t.fsType, uuid }, t.ctx());
      assert.equal((await b.session.probe(b.device, { prove: false }, t.ctx())).uuid, uuid);
      const m = await b.session.mount(b.device, t.spec(b.target), t.ctx());
      assert.equal(await t.world.read(`${m.path}/f`), 'kept');
    },
  },
];
