import assert from 'node:assert/strict';
import { skip } from '../runner.ts';
import type { IntegrationRule } from './world.ts';

/** Expand, modify, clone, snapshots, plan. */
export const CHANGING: readonly IntegrationRule[] = [
  {
    id: 'integration/expand',
    says: 'expand grows a volume and tells what became of its file system; the data stays (S17)',
    async run(t) {
      t.verb('expand');
      t.sized();
      const { name } = await t.create();
      const m = await t.mount(name);
      await t.world.content?.write(`${m.path}/f`, 'kept');
      const { volume, fileSystem, why } = await t.i.expand(name, { size: t.size(2), ...t.call });
      assert.ok(volume.sizeBytes >= t.size(2), `${volume.sizeBytes} bytes`);
      assert.ok(['grown', 'next-mount', 'none'].includes(fileSystem), fileSystem);
      if (fileSystem === 'next-mount') assert.ok((why ?? '') !== '', 'nothing says why it waits');
      if (t.world.content !== undefined) assert.equal(await t.world.content.read(`${m.path}/f`), 'kept');
      await t.unmount(name);
      await t.mount(name);
      assert.ok((await t.i.get(name, t.call)).sizeBytes >= t.size(2));
    },
  },
  {
    id: 'integration/expand-shrink',
    says: 'expand never shrinks: a smaller size is refused or changes nothing (S17)',
    async run(t) {
      t.verb('expand');
      t.sized();
      const v = await t.create(t.name(), { size: t.size(2) });
      const r = await t.settle(t.i.expand(v.name, { size: t.size(), ...t.call }));
      if (!r.ok) await t.rejects('a smaller size', Promise.reject(r.error), 'out_of_range', 'invalid');
      assert.equal((await t.i.get(v.name, t.call)).sizeBytes, v.sizeBytes);
      assert.equal((await t.i.expand(v.name, { size: t.size(2), ...t.call })).volume.sizeBytes, v.sizeBytes);
    },
  },
  {
    id: 'integration/modify',
    says: 'modify changes hints and labels, and keeps the rest',
    async run(t) {
      t.verb('modify');
      const v = await t.create(t.name(), { hints: { iops: 5 }, labels: { a: '1' } });
      await t.i.modify(v.name, { hints: { iops: 9 }, ...t.call });
      const now = await t.i.get(v.name, t.call);
      assert.deepEqual([now.hints.iops, now.labels, now.id], [9, { a: '1' }, v.id]);
    },
  },
  {
    id: 'integration/clone',
    says: 'a clone holds what its source held, mounts beside it, and is its own (S25)',
    async run(t) {
      t.verb('clone');
      const content = t.content();
      const { name } = await t.create();
      const m = await t.mount(name);
      await content.write(`${m.path}/f`, 'then');
      await t.unmount(name);
      const copy = await t.i.clone(name, t.name('copy'), t.call);
      const [original, beside] = [await t.mount(name), await t.mount(copy.name)];
      assert.notEqual(beside.path, original.path);
      assert.equal(await content.read(`${beside.path}/f`), 'then');
      await content.write(`${beside.path}/f`, 'copy later');
      assert.equal(await content.read(`${original.path}/f`), 'then');
      const [a, b] = [await t.i.get(name, t.call), await t.i.get(copy.name, t.call)];
      if (a.fsUuid !== undefined) assert.notEqual(b.fsUuid, a.fsUuid, 'both have one UUID');
    },
  },
  {
    id: 'integration/clone-mounted',
    says: 'a mounted volume can be cloned, and stays mounted and writable',
    async run(t) {
      t.verb('clone');
      const content = t.content();
      const { name } = await t.create();
      const m = await t.mount(name);
      await content.write(`${m.path}/f`, 'then');
      const r = await t.settle(t.i.clone(name, t.name('copy'), t.call));
      if (!r.ok) await t.rejects('a mounted source', Promise.reject(r.error), 'in_use', 'unsupported');
      assert.equal((await t.i.get(name, t.call)).state, 'mounted');
      await content.write(`${m.path}/f`, 'later');
      assert.equal(await content.read(`${m.path}/f`), 'later');
      // What a share's client has not sent yet cannot be held: only a file system that freezes has it all.
      if (!r.ok || t.i.traits.fsTypes === undefined) return;
      const beside = await t.mount(r.value.name);
      assert.equal(await content.read(`${beside.path}/f`), 'then');
    },
  },
  {
    id: 'integration/snapshots',
    says: 'a snapshot restores to a new volume with what was there then',
    async run(t) {
      t.verb('snapshots.create');
      t.verb('snapshots.restore');
      const content = t.content();
      const { name } = await t.create();
      const write = async (text: string): Promise<void> => {
        const m = await t.mount(name);
        await content.write(`${m.path}/f`, text);
        await t.unmount(name);
      };
      await write('then');
      const snap = await t.i.snapshots.create(name, t.name('snap'), t.call);
      assert.equal(snap.volume, name);
      await write('later');
      const back = await t.i.snapshots.restore(snap.name, t.name('back'), t.call);
      const [old, now] = [await t.mount(back.name), await t.mount(name)];
      assert.equal(await content.read(`${old.path}/f`), 'then');
      assert.equal(await content.read(`${now.path}/f`), 'later');
    },
  },
  {
    id: 'integration/snapshots-list',
    says: 'snapshots are listed for one volume or all, made once a name, removed, and removed again',
    async run(t) {
      t.verb('snapshots.create');
      const [one, two] = [await t.create(), await t.create()];
      const a = await t.i.snapshots.create(one.name, t.name('snap'), t.call);
      await t.i.snapshots.create(two.name, t.name('snap'), t.call);
      assert.equal((await t.i.snapshots.create(one.name, a.name, t.call)).id, a.id);
      const taken = t.i.snapshots.create(two.name, a.name, t.call);
      await t.rejects('a name of another volume’s snapshot', taken, 'already_exists');
      const of = async (volume?: string): Promise<readonly string[]> => {
        const o = { ...(volume !== undefined && { volume }), limit: 1, ...t.call };
        return (await t.pages((cursor) => t.i.snapshots.list({ ...o, ...cursor }))).map((s) => s.name);
      };
      assert.deepEqual(await of(one.name), [a.name]);
      assert.equal((await of()).length, 2);
      await t.i.snapshots.remove(a.name, t.call);
      await t.i.snapshots.remove(a.name, t.call);
      assert.deepEqual(await of(one.name), []);
      await t.rejects('restore', t.i.snapshots.restore(a.name, t.name(), t.call), 'not_found');
    },
  },
  {
    id: 'integration/create-from',
    says: 'create from a snapshot is its content; with overwriteFs it is invalid (S3)',
    async run(t) {
      t.verb('snapshots.create');
      t.verb('snapshots.restore');
      const content = t.content();
      const { name } = await t.create();
      const m = await t.mount(name);
      await content.write(`${m.path}/f`, 'then');
      await t.unmount(name);
      const { name: snapshot } = await t.i.snapshots.create(name, t.name('snap'), t.call);
      const wiping = t.i.create(t.name(), { from: { snapshot }, overwriteFs: true, ...t.call });
      await t.rejects('from with overwriteFs', wiping, 'invalid');
      const v = await t.i.create(t.name(), { from: { snapshot }, ...t.call });
      const copy = await t.mount(v.name);
      assert.equal(await content.read(`${copy.path}/f`), 'then');
    },
  },
  {
    id: 'integration/plan',
    says: 'a plan tells steps, changes nothing, and is a noop where nothing would be done',
    async run(t) {
      const { name } = await t.create();
      const mount = await t.i.plan('mount', name, { holder: 'sdk:one' });
      assert.deepEqual([mount.op, mount.volume, mount.noop, mount.forbidden], ['mount', name, false, []]);
      assert.ok(mount.steps.length > 0 && mount.steps.every((s) => s.step !== '' && s.does !== ''), 'no steps');
      assert.equal((await t.i.get(name, t.call)).state, 'available');
      assert.equal((await t.i.plan('unmount', name, { holder: 'sdk:one' })).noop, true);
      assert.equal((await t.i.plan('remove', t.name('never'))).noop, true);
      const made = await t.i.plan('create', t.name('planned'), { size: t.size() });
      assert.equal(made.noop, false);
      assert.deepEqual(await t.names({ prefix: 'planned' }), []);
    },
  },
  {
    id: 'integration/plan-forbidden',
    says: 'what a plan forbids fails with that code, and what it does not forbid succeeds',
    async run(t) {
      const { name } = await t.create();
      const free = await t.i.plan('remove', name);
      assert.deepEqual(free.forbidden, []);
      await t.mount(name);
      const held = await t.i.plan('remove', name);
      assert.deepEqual(
        held.forbidden.map((f) => f.code),
        ['in_use'],
      );
      await t.rejects('what the plan forbids', t.i.remove(name, t.call), 'in_use');
      await t.unmount(name);
      await t.i.remove(name, t.call);
      const absent = await t.i.plan('mount', name, { holder: 'sdk:one' });
      assert.deepEqual(
        absent.forbidden.map((f) => f.code),
        ['not_found'],
      );
    },
  },
  {
    id: 'integration/capacity',
    says: 'capacity is a number of bytes, with no more free than there is',
    async run(t) {
      if (!t.i.can.capacity) skip('the service has no capacity');
      const { totalBytes, freeBytes } = await t.i.capacity(t.call);
      assert.ok(freeBytes >= 0 && freeBytes <= totalBytes, `${freeBytes} free of ${totalBytes}`);
    },
  },
  {
    id: 'integration/nodes',
    says: 'this node is listed, with what it has',
    async run(t) {
      const { name } = await t.create();
      await t.mount(name);
      const here = (await t.i.nodes.list(t.call)).filter((n) => n.here);
      assert.equal(here.length, 1);
      assert.ok(here[0]?.volumes.includes(name), `${name} is not listed`);
    },
  },
];
