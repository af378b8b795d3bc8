import { pause, stored, unclassified, type WrongDriver, withSpec } from './wrong.ts';

export const RECORDING: readonly WrongDriver[] = [
  {
    rule: 'storage/mark',
    mistake: 'what the patch does not name is lost',
    wrong: ({ driver: d }) => ({ mark: (id, patch, o, ctx) => d.mark(id, { hints: {}, ...patch }, o, ctx) }),
  },
  {
    rule: 'storage/mark-stale',
    mistake: 'the revision is not compared',
    wrong: ({ driver: d, backend: b }) => ({
      mark: async (id, patch, _o, ctx) => d.mark(id, patch, { ifRevision: stored(b, id).record.revision }, ctx),
    }),
  },
  {
    rule: 'storage/mark-race',
    mistake: 'compares, then writes: two at once both win',
    wrong: ({ driver: d, backend: b }) => ({
      async mark(id, patch, o, ctx) {
        if (stored(b, id).record.revision !== o.ifRevision) return d.mark(id, patch, o, ctx);
        await pause(1);
        return d.mark(id, patch, { ifRevision: stored(b, id).record.revision }, ctx);
      },
    }),
  },
  {
    rule: 'storage/mark-absent',
    mistake: 'an error that classify does not know',
    wrong: ({ driver: d }) => ({ mark: (id, patch, o, ctx) => unclassified(d.mark(id, patch, o, ctx)) }),
  },
  {
    rule: 'storage/format-life',
    mistake: 'the consent is not kept',
    wrong: withSpec((spec) => {
      const { format } = spec.record;
      if (format.state !== 'blank') return spec;
      const { consent: _, ...kept } = format;
      return { ...spec, record: { ...spec.record, format: kept } };
    }),
  },
  {
    rule: 'storage/format-never-back',
    mistake: 'the record is written as it comes',
    wrong: ({ driver: d, backend: b }) => ({
      async mark(id, patch, o, ctx) {
        const v = stored(b, id);
        if (patch.format?.state === 'blank') {
          v.record = { ...v.record, ...patch, revision: b.revision() };
          return d.get(id, ctx);
        }
        return d.mark(id, patch, o, ctx);
      },
    }),
  },
  {
    rule: 'storage/record-survives-attach',
    mistake: 'attach writes into the record',
    wrong: ({ driver: d, backend: b }) => ({
      async attach(id, node, o, ctx) {
        const a = await d.attach(id, node, o, ctx);
        const v = stored(b, id);
        v.record = { ...v.record, revision: b.revision() };
        return a;
      },
    }),
  },
  {
    rule: 'storage/modify',
    mistake: 'the labels are lost',
    wrong: ({ driver: d, backend: b }) => ({
      async modify(id, change, ctx) {
        stored(b, id).record = { ...stored(b, id).record, labels: {} };
        return d.modify(id, change, ctx);
      },
    }),
  },
];
