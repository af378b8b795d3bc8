import { notFound, type VolumeError } from '@rexray/core';
import type { MemoryDriver, StoredVolume } from '../../src/index.ts';
import type { Wrong } from '../world.ts';
import { inUse, limits, pause, stored, unclassified, type WrongDriver } from './wrong.ts';

const attachWrong =
  (
    attach: (
      x: { d: MemoryDriver; v: StoredVolume | undefined },
      ...a: Parameters<MemoryDriver['attach']>
    ) => ReturnType<MemoryDriver['attach']>,
  ): Wrong =>
  ({ driver: d, backend: b }) => ({ attach: (...a) => attach({ d, v: b.volumes.get(a[0]) }, ...a) });

const described = (v: StoredVolume) => ({ kind: 'file', path: v.disk.path, readonly: false }) as const;
const elsewhere = (v: StoredVolume | undefined, node: string): v is StoredVolume =>
  v?.attachments.some((a) => a.node !== node) === true;

export const ATTACHING: readonly WrongDriver[] = [
  {
    rule: 'storage/attach-describes',
    mistake: 'a relative path',
    wrong: attachWrong(async ({ d }, ...a) => {
      const x = await d.attach(...a);
      return x.kind === 'file' ? { ...x, path: x.path.slice(1) } : x;
    }),
  },
  {
    rule: 'storage/attach-shown',
    mistake: 'get tells no attachments',
    wrong: ({ driver: d }) => ({ get: async (id, ctx) => ({ ...(await d.get(id, ctx)), attachments: [] }) }),
  },
  {
    rule: 'storage/attach-idempotent',
    mistake: 'each attach is another claim',
    wrong: attachWrong(async ({ d, v }, ...a) => {
      const again = v?.attachments.some((x) => x.node === a[1] && x.bootId === a[2].bootId) === true;
      const x = await d.attach(...a);
      if (again && v !== undefined) v.attachments = v.attachments.map((y) => ({ ...y, epoch: ++v.epoch }));
      return x;
    }),
  },
  {
    rule: 'storage/attach-absent',
    mistake: 'an error that classify does not know',
    wrong: attachWrong(({ d }, ...a) => unclassified(d.attach(...a))),
  },
  {
    rule: 'storage/attach-other-node',
    mistake: 'answers the second node without asking whose it is',
    wrong: attachWrong(async ({ d, v }, id, node, o, ctx) =>
      elsewhere(v, node) && o.force === false ? described(v) : d.attach(id, node, o, ctx),
    ),
  },
  {
    rule: 'storage/attach-concurrent',
    mistake: 'looks whose it is, then takes it: two at once both have it',
    wrong: attachWrong(async ({ d, v }, id, node, o, ctx) => {
      if (v === undefined || v.foreign || v.attachments.some((x) => x.node !== node)) return d.attach(id, node, o, ctx);
      await pause(1);
      return elsewhere(v, node) ? described(v) : d.attach(id, node, o, ctx);
    }),
  },
  {
    rule: 'storage/attach-multi-writer',
    mistake: 'one writer only, in spite of the trait',
    config: { multiWriter: true },
    wrong: attachWrong(async ({ d, v }, id, node, o, ctx) => {
      if (elsewhere(v, node)) throw inUse();
      return d.attach(id, node, o, ctx);
    }),
  },
  {
    rule: 'storage/attach-force',
    mistake: 'a takeover leaves the last owner its claim',
    wrong: attachWrong(async ({ d, v }, ...a) => {
      const others = v?.attachments.filter((x) => x.node !== a[1]) ?? [];
      const x = await d.attach(...a);
      if (v !== undefined) v.attachments = [...v.attachments, ...others];
      return x;
    }),
  },
  {
    rule: 'storage/attach-force',
    mistake: 'takes over without fencing',
    config: { fencing: 'none' },
    wrong: attachWrong(({ d }, id, node, o, ctx) =>
      d.attach(id, node, { ...o, force: o.force === true ? 'unsafe' : o.force }, ctx),
    ),
  },
  {
    rule: 'storage/attach-unsafe',
    mistake: 'refuses what a person took upon himself',
    config: { fencing: 'none' },
    wrong: attachWrong(({ d }, id, node, o, ctx) =>
      d.attach(id, node, { ...o, force: o.force === 'unsafe' ? true : o.force }, ctx),
    ),
  },
  {
    rule: 'storage/attach-epoch',
    mistake: 'the epoch falls with each owner',
    wrong: attachWrong(async ({ d, v }, ...a) => {
      const x = await d.attach(...a);
      if (v !== undefined)
        v.attachments = v.attachments.map((y) => ({ ...y, epoch: y.epoch < 500 ? 1000 - y.epoch : y.epoch }));
      return x;
    }),
  },
  {
    rule: 'storage/attach-reboot',
    mistake: 'the claim of an earlier boot is another’s',
    wrong: attachWrong(async ({ d, v }, id, node, o, ctx) => {
      if (v?.attachments.some((x) => x.node === node && x.bootId !== o.bootId)) throw inUse();
      return d.attach(id, node, o, ctx);
    }),
  },
  {
    rule: 'storage/attach-limit',
    mistake: 'attaches more than fit',
    config: limits,
    wrong: attachWrong(async ({ d, v }, ...a) => {
      try {
        return await d.attach(...a);
      } catch (e) {
        if ((e as VolumeError).code === 'exhausted' && v !== undefined) return described(v);
        throw e;
      }
    }),
  },
  {
    rule: 'storage/detach',
    mistake: 'says that it detached, and did not',
    wrong: () => ({ detach: async () => undefined }),
  },
  {
    rule: 'storage/detach-idempotent',
    mistake: 'throws where nothing is attached',
    wrong: ({ driver: d, backend: b }) => ({
      async detach(id, node, o, ctx) {
        if (!stored(b, id).attachments.some((a) => a.node === node)) throw notFound('Attachment', id);
        await d.detach(id, node, o, ctx);
      },
    }),
  },
  {
    rule: 'storage/detach-others',
    mistake: 'force detaches every node',
    wrong: ({ driver: d, backend: b }) => ({
      async detach(id, node, o, ctx) {
        if (o.force) stored(b, id).attachments = [];
        await d.detach(id, node, o, ctx);
      },
    }),
  },
  {
    rule: 'storage/owner',
    mistake: 'another epoch than the claim’s',
    wrong: ({ driver: d }) => ({
      async owner(id, node, ctx) {
        const o = await d.owner(id, node, ctx);
        return { ...o, epoch: o.epoch + 1 };
      },
    }),
  },
  {
    rule: 'storage/owner-lost',
    mistake: 'does not tell who took it',
    wrong: ({ driver: d }) => ({
      async owner(id, node, ctx) {
        const { node: now, ...o } = await d.owner(id, node, ctx);
        return { ...o, ...(o.mine && now !== undefined && { node: now }) };
      },
    }),
  },
  {
    rule: 'storage/release-asked',
    mistake: 'the wish is lost',
    wrong: () => ({ requestRelease: async () => undefined }),
  },
];
