import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Attachment } from '@rexray/core';
import { premise, skip } from '../runner.ts';
import type { StorageRule } from './world.ts';

/** Attach, detach, owner. */
export const ATTACHING: readonly StorageRule[] = [
  {
    id: 'storage/attach-describes',
    says: 'attach describes how the node reaches the volume, as plain data',
    async run(t) {
      const v = await t.make();
      const a = await t.attach(v.id);
      assertAttachment(a);
      assert.deepEqual(JSON.parse(JSON.stringify(a)), a, 'an attachment crosses processes as JSON');
    },
  },
  {
    id: 'storage/attach-shown',
    says: 'get shows the node that has a volume attached',
    async run(t) {
      const v = await t.make();
      await t.attach(v.id);
      assert.deepEqual(await t.nodes(v.id), [t.node]);
    },
  },
  {
    id: 'storage/attach-idempotent',
    says: 'attaching again to the same node answers the same and changes nothing',
    async run(t) {
      const v = await t.make();
      const first = await t.attach(v.id);
      const before = (await t.get(v.id)).attachments;
      assert.deepEqual(await t.attach(v.id), first);
      assert.deepEqual((await t.get(v.id)).attachments, before);
    },
  },
  {
    id: 'storage/attach-absent',
    says: 'attaching an unknown volume is not_found',
    async run(t) {
      await t.rejects('an unknown id', t.attach('never-given-0123456789abcdef'), 'not_found');
    },
  },
  {
    id: 'storage/attach-other-node',
    says: 'a volume that another node has is in_use, and stays with it',
    async run(t) {
      const other = await t.rival();
      const v = await t.make();
      await t.hold(v.id);
      await t.rejects('a volume of another node', t.attach(v.id, other), 'in_use');
      assert.ok((await t.nodes(v.id)).includes(t.node), 'the owner lost it');
    },
  },
  {
    id: 'storage/attach-concurrent',
    says: 'of nodes that attach one volume at once, exactly one gets it',
    async run(t) {
      const other = await t.rival();
      const known = await t.make();
      await t.hold(known.id);
      premise(!(await t.settle(t.attach(known.id, other))).ok, 'storage/attach-other-node');
      for (let round = 0; round < 3; round++) {
        const v = await t.make();
        const done = await Promise.all([t, other, t, other].map((s) => t.settle(t.attach(v.id, s))));
        const mine = done.some((r, i) => r.ok && i % 2 === 0);
        const theirs = done.some((r, i) => r.ok && i % 2 === 1);
        assert.ok(mine !== theirs, mine ? 'both nodes got it' : 'neither node got it');
        assert.deepEqual(await t.nodes(v.id), [mine ? t.node : other.node]);
      }
    },
  },
  {
    id: 'storage/attach-multi-writer',
    says: 'a volume for several writers is attached to several nodes at once',
    async run(t) {
      if (!t.driver.traits.multiWriter) skip('one node at a time (multiWriter false)');
      const other = await t.another();
      const v = await t.make();
      await t.hold(v.id);
      await t.attach(v.id, other);
      assert.deepEqual(await t.nodes(v.id), [t.node, other.node].sort());
    },
  },
  {
    id: 'storage/attach-force',
    says: 'force takes a volume over where the driver fences, and is refused where it cannot (S10)',
    async run(t) {
      const other = await t.rival();
      const v = await t.make();
      await t.hold(v.id);
      if (t.driver.traits.fencing === 'none') {
        const forced = t.attach(v.id, other, { force: true });
        await t.rejects('force without fencing', forced, 'in_use', 'denied', 'unsupported');
        assert.ok((await t.nodes(v.id)).includes(t.node), 'the owner lost it');
        return;
      }
      await t.attach(v.id, other, { force: true });
      assert.deepEqual(await t.nodes(v.id), [other.node]);
    },
  },
  {
    id: 'storage/attach-unsafe',
    says: 'unsafe takes a volume over without fencing',
    async run(t) {
      if (t.driver.traits.fencing !== 'none') skip('the driver fences: force is enough');
      const other = await t.rival();
      const v = await t.make();
      await t.hold(v.id);
      await t.attach(v.id, other, { force: 'unsafe' });
      assert.ok((await t.nodes(v.id)).includes(other.node));
    },
  },
  {
    id: 'storage/attach-epoch',
    says: 'the epoch never falls when the owner changes',
    async run(t) {
      const other = await t.rival();
      const v = await t.make();
      const epochs: number[] = [];
      for (const seat of [t, other, t]) {
        await t.attach(v.id, seat);
        epochs.push((await t.get(v.id)).attachments[0]?.epoch ?? 0);
        await t.free(v.id, seat);
      }
      assert.deepEqual(
        epochs,
        [...epochs].sort((a, b) => a - b),
      );
    },
  },
  {
    id: 'storage/attach-reboot',
    says: 'the same node with another boot id takes its own claim over (S8)',
    async run(t) {
      const v = await t.make();
      await t.hold(v.id);
      await t.attach(v.id, t, { bootId: randomUUID() });
      assert.deepEqual(await t.nodes(v.id), [t.node]);
    },
  },
  {
    id: 'storage/attach-limit',
    says: 'more volumes than one node can have attached are exhausted',
    async run(t) {
      const max = t.driver.traits.maxAttachments;
      if (max === undefined) skip('no limit is known (no traits.maxAttachments)');
      if (max > 16) skip(`the limit of ${max} is too high to try`);
      for (let i = 0; i < max; i++) await t.attach((await t.make()).id);
      const v = await t.make();
      await t.rejects(`attachment ${max + 1}`, t.attach(v.id), 'exhausted');
      assert.deepEqual(await t.nodes(v.id), []);
    },
  },
  {
    id: 'storage/detach',
    says: 'after detach the node has no claim any more',
    async run(t) {
      const v = await t.make();
      await t.attach(v.id);
      await t.detach(v.id);
      assert.deepEqual(await t.nodes(v.id), []);
    },
  },
  {
    id: 'storage/detach-idempotent',
    says: 'detaching what is not attached succeeds',
    async run(t) {
      const v = await t.make();
      await t.detach(v.id);
      await t.attach(v.id);
      await t.detach(v.id);
      await t.detach(v.id);
      await t.detach(v.id, t, true);
    },
  },
  {
    id: 'storage/detach-others',
    says: 'detach, also with force, never touches another node’s claim',
    async run(t) {
      const other = await t.another();
      const v = await t.make();
      await t.hold(v.id);
      for (const force of [false, true]) {
        await t.settle(t.detach(v.id, other, force));
        assert.ok((await t.nodes(v.id)).includes(t.node), `detach${force ? ' with force' : ''} took it from its owner`);
      }
    },
  },
  {
    id: 'storage/owner',
    says: 'owner says whose a volume is now, also to the one who lost it (S11)',
    async run(t) {
      const owner = t.verb('owner');
      const v = await t.make();
      assert.equal((await owner(v.id, t.node, t.ctx())).mine, false, 'nobody has it yet');
      await t.attach(v.id);
      const held = (await t.get(v.id)).attachments.find((a) => a.node === t.node);
      premise(held !== undefined, 'storage/attach-shown');
      const mine = await owner(v.id, t.node, t.ctx());
      assert.deepEqual([mine.mine, mine.node, mine.epoch], [true, t.node, held.epoch]);
    },
  },
  {
    id: 'storage/owner-lost',
    says: 'owner tells the last owner who took the volume',
    async run(t) {
      const owner = t.verb('owner');
      const other = await t.rival();
      const v = await t.make();
      await t.attach(v.id);
      const force = t.driver.traits.fencing === 'none' ? 'unsafe' : true;
      await t.settle(t.attach(v.id, other, { force }));
      const now = await t.nodes(v.id);
      premise(now.length === 1 && now[0] === other.node, `storage/attach-${force === true ? 'force' : 'unsafe'}`);
      const lost = await owner(v.id, t.node, t.ctx());
      assert.deepEqual([lost.mine, lost.node], [false, other.node]);
    },
  },
  {
    id: 'storage/release-asked',
    says: 'a wish for release reaches the owner in its next owner(), and takes nothing (S10)',
    async run(t) {
      const owner = t.verb('owner');
      t.verb('requestRelease');
      const other = await t.rival();
      const v = await t.make();
      await t.hold(v.id);
      await other.driver.requestRelease?.(v.id, other.node, t.ctx());
      const told = await owner(v.id, t.node, t.ctx());
      assert.equal(told.releaseAsked, other.node);
      assert.deepEqual(await t.nodes(v.id), [t.node]);
    },
  },
];

/** Fails unless it is one of the four kinds, with absolute paths. */
export function assertAttachment(a: Attachment): void {
  switch (a.kind) {
    case 'file':
    case 'dir':
      assert.ok(a.path.startsWith('/') && !a.path.split('/').includes('..'), `"${a.path}" is not an absolute path`);
      return;
    case 'disk':
      assert.ok(
        Object.values(a.match).some((x) => x !== undefined),
        'a disk is matched by something',
      );
      return;
    case 'share':
      assert.ok(
        a.fsType !== '' && a.source !== '' && Array.isArray(a.options),
        'a share has fsType, source and options',
      );
      return;
    default:
      assert.fail(`"${String((a as { kind: unknown }).kind)}" is not a kind of attachment`);
  }
}
