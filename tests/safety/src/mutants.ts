/** Bugs, each a few words of the sources changed. A suite that does not notice one of them proves nothing about it. */
export interface Mutant {
  readonly name: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** The test that must notice: project, file, and a part of its name. */
  readonly caughtBy: { readonly project: 'unit' | 'root' | 'long'; readonly file: string; readonly test: string };
}

const core = 'packages/core/src';
const host = 'packages/host-linux/src';
const loop = 'plugins/local-loop/src';
const model = {
  project: 'unit',
  file: 'tests/safety/test/model.test.ts',
  test: 'sequences on simulated machines',
} as const;
const once = (test: string): Mutant['caughtBy'] => ({ ...model, test });
const verbs = (test: string): Mutant['caughtBy'] => ({
  project: 'unit',
  file: 'tests/system/test/verbs.test.ts',
  test,
});

const taken = (test: string): Mutant['caughtBy'] => ({
  project: 'unit',
  file: 'tests/system/test/taken-meanwhile.test.ts',
  test,
});

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'a set instead of a counter (S19)',
    file: `${core}/integration/mount-steps.ts`,
    from: 'count: (before?.count ?? 0) + 1',
    to: 'count: 1',
    caughtBy: verbs('S19: one id that mounts twice needs two unmounts'),
  },
  {
    name: 'rename instead of O_EXCL (S5)',
    file: `${loop}/calls.ts`,
    from: 'symlink: async (t, p) => fs.symlinkSync(t, p),',
    to: 'symlink: async (t, p) => { fs.symlinkSync(t, p + process.pid); fs.renameSync(p + process.pid, p); },',
    caughtBy: {
      project: 'unit',
      file: 'plugins/local-loop/test/races.test.ts',
      test: 'four processes claim 100 volumes at once',
    },
  },
  {
    name: 'a copy is checked before its change of UUID is finished (S25)',
    file: `${core}/integration/format-steps.ts`,
    from: '  newUuid,\n  check,',
    to: '  check,\n  newUuid,',
    caughtBy: {
      project: 'root',
      file: 'tests/safety/test/uuid-kills.root.test.ts',
      test: 'btrfs: the first mount of a copy',
    },
  },
  {
    name: 'no exclusive open (S6)',
    file: `${host}/unused.ts`,
    from: "if (errnoCode(e) === 'EBUSY') return false;",
    to: "if (errnoCode(e) === 'EBUSY') return true;",
    caughtBy: {
      project: 'root',
      file: 'packages/host-linux/test/safety.root.test.ts',
      test: 'S6: a private mount namespace that keeps the file system alive is found and named',
    },
  },
  {
    name: 'format without veto (S1, S2)',
    file: `${core}/integration/format-steps.ts`,
    from: 'throw refused(c, p, `it already holds',
    to: "if (p.verdict !== 'foreign') throw refused(c, p, `it already holds",
    caughtBy: { project: 'unit', file: 'tests/safety/test/mutant-targets.test.ts', test: 'S2: a foreign signature' },
  },
  {
    name: 'missing fsync (S1)',
    file: `${loop}/calls.ts`,
    from: "if ('text' in c) fs.writeFileSync(fd, c.text);\n      else fs.ftruncateSync(fd, c.sizeBytes);\n      fs.fsyncSync(fd);",
    to: "if ('text' in c) fs.writeFileSync(fd, c.text);\n      else fs.ftruncateSync(fd, c.sizeBytes);",
    caughtBy: {
      project: 'long',
      file: 'tests/safety/test/flushes.long.test.ts',
      test: 'S1: what was acknowledged is there after a power cut',
    },
  },
  {
    name: 'a failed attach is not undone (S12)',
    file: `${core}/integration/attach-steps.ts`,
    from: 'if (!c.wasAttached) await c.env.driver.detach(c.volume.id',
    to: 'if (c.wasAttached) await c.env.driver.detach(c.volume.id',
    caughtBy: verbs('undoes everything when a late step fails'),
  },
  {
    name: 'the last unmount keeps the claim (S12)',
    file: `${core}/integration/verbs/unmount.ts`,
    from: ': [detach, forget];',
    to: ': [forget];',
    caughtBy: verbs('formats once, mounts, counts holders and leaves nothing'),
  },
  {
    name: 'a volume shrinks (S17)',
    file: `${core}/integration/verbs/expand.ts`,
    from: 'if (c.size < c.volume.sizeBytes) {',
    to: 'if (c.size < 0) {',
    caughtBy: model,
  },
  {
    name: 'another node’s claim is not looked at (S5, S10)',
    file: `${core}/integration/facts.ts`,
    from: 'const other = v.attachments.find((a) => a.node !== env.node);',
    to: 'const other = v.attachments.find((a) => a.node === undefined);',
    caughtBy: model,
  },
  {
    name: 'a held volume is removed (S6)',
    file: `${core}/integration/verbs/remove.ts`,
    from: 'if (c.nv !== undefined && Object.keys(c.nv.holders).length > 0) return heldError(c.env, c.name, c.nv);',
    to: '',
    caughtBy: verbs('is denied by name of the key'),
  },
  {
    name: 'a second loop device of one image (S7)',
    file: `${host}/connect/file.ts`,
    from: "loop = existing(image, a.path, readonly ? 'r' : 'rw');",
    to: 'loop = undefined;',
    caughtBy: {
      project: 'root',
      file: 'packages/host-linux/test/safety.root.test.ts',
      test: 'S7: one device per inode',
    },
  },
  {
    name: 'a killed freeze watcher leaves the volume frozen (S16)',
    file: `${host}/session.ts`,
    from: 'if (thawed?.abandoned === true) await',
    to: 'if (thawed === undefined) await',
    caughtBy: {
      project: 'root',
      file: 'tests/safety/test/frozen.root.test.ts',
      test: 'a copy whose freeze watcher is killed fails',
    },
  },
  {
    name: 'children survive their parent (S14)',
    file: `${host}/child.ts`,
    from: "['--pdeathsig', 'KILL', '--', path, ...args]",
    to: "['--', path, ...args]",
    caughtBy: {
      project: 'unit',
      file: 'packages/host-linux/test/lock.test.ts',
      test: 'S14: an acting child dies with its parent',
    },
  },
  {
    name: 'a verb goes on over what a dead one left (S12)',
    file: `${core}/integration/create-integration.ts`,
    from: 'for (const [name, session] of sessions) await finishLeft(env, name, session, ctx);',
    to: '',
    caughtBy: {
      project: 'unit',
      file: 'tests/system/test/left-behind.test.ts',
      test: 'a mount that died after mount: the next call finishes with it',
    },
  },
  {
    name: 'a claim that was taken again is not missed (S10)',
    file: `${core}/integration/attach-steps.ts`,
    from: '    assertStillOurs(c);\n',
    to: '',
    caughtBy: taken('between the claim and the look at it'),
  },
  {
    name: 'whoever lost the disk still notes what it did to it (S10)',
    file: `${core}/integration/attach-steps.ts`,
    from: "if (taken && c.env.driver.traits.fencing === 'detach') await shutOutRecord(c, ctx);",
    to: 'void taken;',
    caughtBy: taken('what its last owner still notes about it changes nothing'),
  },
  {
    name: 'a wipe lets go of what a person attached (S3)',
    file: `${core}/integration/verbs/wipe.ts`,
    from: '...(c.nv?.attached === true ? [keepAttached] : [detach, forget]),',
    to: 'detach, forget,',
    caughtBy: {
      project: 'unit',
      file: 'tests/system/test/wipe.test.ts',
      test: 'a volume that a person attached stays attached when it is wiped',
    },
  },
  {
    name: 'an attach adds to the notes of an earlier volume of the name (S12)',
    file: `${core}/integration/facts.ts`,
    from: 'if (nv === undefined || nv.volumeId === v.id) return undefined;',
    to: "if (nv === undefined || nv.volumeId !== '') return undefined;",
    caughtBy: once('S12: a volume is not taken for an earlier one of its name'),
  },
  {
    name: 'a wish to keep it attached outlives the claim (S10)',
    file: `${core}/integration/facts.ts`,
    from: 'if (nv?.attached !== true || wishLasts(env, v, nv)) return nv;',
    to: "if (nv?.attached !== true || wishLasts(env, v, nv) || v.name !== '') return nv;",
    caughtBy: once('S10: what was attached is no longer wanted so once another node took it'),
  },
  {
    name: 'a share that knows no holes proves anything blank (S2)',
    file: `${host}/fs/blank.ts`,
    from: 'const ranges = blocks === 0 ? sampleRanges(sizeBytes) : [[0, sizeBytes] as const];',
    to: 'const ranges = blocks === 0 ? sampleRanges(sizeBytes) : [];',
    caughtBy: {
      project: 'root',
      file: 'packages/host-linux/test/fs-share.root.test.ts',
      test: 'one byte is enough, also where no sample of a disk would look',
    },
  },
];
