/** Sequences that the model found, smallest form, each with what was mended by it. */
import type { Sequence } from './sequence.ts';

const create = { node: 0, verb: { op: 'create', name: 'c', size: 400, fsType: 'ext4' } } as const;
const mount = { node: 1, verb: { op: 'mount', name: 'c', holder: 'cli' } } as const;
const take = { node: 0, verb: { op: 'mount', name: 'c', holder: 'cli', preempt: true } } as const;

type Verb = Sequence['rounds'][number]['verbs'][number];
/** One verb alone, and nothing goes wrong. */
const alone = (v: Verb): Sequence['rounds'][number] => ({ verbs: [v], faults: [] });
const on = (node: 0 | 1, op: 'attach' | 'remove'): Verb => ({ node, verb: { op, name: 'c' } });
const unmount = (node: 0 | 1): Verb => ({ node, verb: { op: 'unmount', name: 'c', holder: 'cli' } });

export const ONCE_BROKEN: Readonly<Record<string, Sequence>> = {
  /**
   * Node 0 takes the volume while node 1 is in the middle of mounting it, between its claim and the look at it, and dies.
   * Node 1 compared with no claim at all, and its mount succeeded: both wrote to one disk.
   */
  'S10, S11: a mount that loses its claim before it ends is no success': {
    fencing: 'detach',
    rounds: [
      { verbs: [create], faults: [] },
      { verbs: [mount, take], faults: [], crash: { node: 0, after: 1, power: false } },
      {
        verbs: [
          { node: 0, verb: { op: 'mount', name: 'c', holder: 'cli' } },
          { node: 0, verb: { op: 'expand', name: 'a', size: 400 } },
        ],
        faults: [{ where: 'storage', call: 'get', kind: 'fail', times: 1, skip: 0 }],
      },
      { verbs: [{ node: 0, verb: { op: 'write', name: 'c', token: 'kept' } }], faults: [] },
      {
        verbs: [{ node: 0, verb: { op: 'unsnapshot', snapshot: 's' } }],
        faults: [{ where: 'host', call: 'open', kind: 'fail', times: 1, skip: 0 }],
      },
    ],
  },
  /** Node 1 dies after it has connected the device, node 0 takes the volume: the simulated machine kept a device that Linux gives back. */
  'S12: the device of a mount that was killed and then taken over is gone': {
    fencing: 'detach',
    rounds: [
      { verbs: [create, { node: 0, verb: { op: 'unmount', name: 'a', holder: 'cli' } }], faults: [] },
      { verbs: [mount, take], faults: [], crash: { node: 1, after: 2, power: false } },
      { verbs: [{ node: 0, verb: { op: 'unmount', name: 'a', holder: 'cli' } }], faults: [] },
    ],
  },
  /**
   * Node 0 takes a copy while node 1 gives it a UUID of its own: what node 1 then noted about a disk that was not its any more
   * made the record disagree with the disk, and the volume was refused for ever.
   */
  'S10: whoever lost the disk notes nothing about it any more (detach)': {
    fencing: 'detach',
    rounds: [
      {
        verbs: [
          { node: 0, verb: { op: 'create', name: 'b', size: 400, fsType: 'ext4' } },
          { node: 0, verb: { op: 'mount', name: 'a', holder: 'cli', preempt: true } },
        ],
        faults: [{ where: 'host', call: 'grow', kind: 'fail', times: 1, skip: 0 }],
      },
      {
        verbs: [
          { node: 1, verb: { op: 'mount', name: 'b', holder: 'cli' } },
          { node: 1, verb: { op: 'clone', name: 'b', to: 'c' } },
        ],
        faults: [{ where: 'host', call: 'freeze', kind: 'fail', times: 1, skip: 1 }],
      },
      {
        verbs: [
          { node: 1, verb: { op: 'mount', name: 'c', holder: 'cli' } },
          { node: 0, verb: { op: 'mount', name: 'c', holder: 'cli', preempt: true } },
          { node: 0, verb: { op: 'expand', name: 'a', size: 400 } },
        ],
        faults: [],
      },
      { verbs: [{ node: 0, verb: { op: 'mount', name: 'a', holder: 'cli' } }], faults: [] },
    ],
  },
  /** The same while node 1 formats: the record said formatted, the switched image was blank. */
  'S10: whoever lost the disk notes nothing about it any more (switch)': {
    fencing: 'switch',
    rounds: [
      {
        verbs: [{ node: 0, verb: { op: 'create', name: 'b', size: 400, fsType: 'ext4' } }],
        faults: [{ where: 'host', call: 'open', kind: 'fail', times: 1, skip: 1 }],
      },
      {
        verbs: [
          { node: 0, verb: { op: 'unmount', name: 'b', holder: 'cli' } },
          { node: 1, verb: { op: 'mount', name: 'b', holder: 'cli', preempt: true } },
          { node: 0, verb: { op: 'mount', name: 'b', holder: 'cli', preempt: true } },
        ],
        faults: [],
      },
      { verbs: [{ node: 0, verb: { op: 'unmount', name: 'a', holder: 'cli' } }], faults: [] },
    ],
  },
  /** The wipe let go of what a person had attached. */
  'S3: a wiped volume stays attached, as it was asked for': {
    fencing: 'detach',
    rounds: [
      { verbs: [{ node: 0, verb: { op: 'create', name: 'c', size: 400, fsType: 'ext4' } }], faults: [] },
      {
        verbs: [
          { node: 0, verb: { op: 'mount', name: 'c', holder: 'cli' } },
          { node: 0, verb: { op: 'attach', name: 'c' } },
          { node: 0, verb: { op: 'mount', name: 'a', holder: 'cli', preempt: true } },
        ],
        faults: [],
      },
      {
        verbs: [
          { node: 0, verb: { op: 'wipe', name: 'c' } },
          { node: 0, verb: { op: 'unmount', name: 'c', holder: 'cli' } },
        ],
        faults: [],
      },
    ],
  },
  /**
   * Node 0 takes the volume, removes it and makes another of its name, before node 1 has looked: an attach there added the
   * new one to the notes of the old, and the next mount was handed the directory of the old.
   */
  'S12: a volume is not taken for an earlier one of its name': {
    fencing: 'detach',
    rounds: [
      alone(create),
      alone(mount),
      alone(take),
      alone(unmount(0)),
      alone(on(0, 'remove')),
      alone(create),
      alone(on(1, 'attach')),
      alone({ node: 1, verb: { op: 'mount', name: 'c', holder: 'engine:1' } }),
      alone(unmount(1)),
      alone({ node: 1, verb: { op: 'mount', name: 'c', holder: 'engine:1' } }),
    ],
  },
  /** That a person had attached it was remembered beyond a takeover: a later unmount kept a claim that nobody wanted. */
  'S10: what was attached is no longer wanted so once another node took it': {
    fencing: 'detach',
    rounds: [create, on(1, 'attach'), take, unmount(0), mount, unmount(1)].map(alone),
  },
  /** The same by an undo that failed: the claim of the failed mount stayed. */
  'S10, S12: nor does a mount that failed half-way keep its claim by that': {
    fencing: 'detach',
    rounds: [
      alone(create),
      alone(on(1, 'attach')),
      alone(take),
      {
        verbs: [{ node: 1, verb: { op: 'mount', name: 'c', holder: 'cli', preempt: true } }],
        faults: [
          { where: 'host', call: 'disconnect', kind: 'fail', times: 1, skip: 0 },
          { where: 'host', call: 'mount', kind: 'fail', times: 1, skip: 0 },
        ],
      },
    ],
  },
  /** Nor beyond the volume: it was removed, though the answer was lost, and made anew by the other node. */
  'S12: nor is a later volume of its name': {
    fencing: 'detach',
    rounds: [
      alone(create),
      alone(on(1, 'attach')),
      {
        verbs: [on(1, 'remove')],
        faults: [{ where: 'storage', call: 'remove', kind: 'lost', times: 4, skip: 0 }],
      },
      alone(create),
      alone(mount),
      alone(unmount(1)),
    ],
  },
  /** The unmount was half done when it failed: that it stays attached, as was asked for, kept its device here as well. */
  'S12: an unmount that failed half-way is finished where the volume stays attached': {
    fencing: 'detach',
    rounds: [
      alone(create),
      alone(mount),
      alone(on(1, 'attach')),
      { verbs: [unmount(1)], faults: [{ where: 'host', call: 'disconnect', kind: 'fail', times: 1, skip: 0 }] },
      alone(mount),
    ],
  },
};
