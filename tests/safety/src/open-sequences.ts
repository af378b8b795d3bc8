/** Sequences that the model found and that do not hold yet, smallest form. Each is expected to fail; one that passes is to be taken out. */
import type { Sequence } from './sequence.ts';

const create = { node: 0, verb: { op: 'create', name: 'c', size: 400, fsType: 'ext4' } } as const;
const mount = { node: 1, verb: { op: 'mount', name: 'c', holder: 'cli' } } as const;
const take = { node: 0, verb: { op: 'mount', name: 'c', holder: 'cli', preempt: true } } as const;

export const OPEN: Readonly<Record<string, Sequence>> = {
  /**
   * Node 0 takes the volume while node 1 is in the middle of mounting it, and dies. Node 1's mount succeeds without a
   * claim; node 0 gives its own back when it returns, and mounts politely. Both write to one disk until node 1 looks at
   * its claim. The simulated storage lets node 1 reach a disk that was detached from it; whether a real one does is open.
   */
  'S10, S11: a mount that loses its claim before it ends is reported as a success': {
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
  /** Node 1 dies after it has connected the device, node 0 takes the volume: node 1's reconcile finds no claim, and leaves the device. */
  'S12: the device of a mount that was killed and then taken over stays connected': {
    fencing: 'detach',
    rounds: [
      { verbs: [create, { node: 0, verb: { op: 'unmount', name: 'a', holder: 'cli' } }], faults: [] },
      { verbs: [mount, take], faults: [], crash: { node: 1, after: 2, power: false } },
      { verbs: [{ node: 0, verb: { op: 'unmount', name: 'a', holder: 'cli' } }], faults: [] },
    ],
  },
};
