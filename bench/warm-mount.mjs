import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { flushNote, openLoop, removeRoot, tempRoot } from './rig/loop.mjs';

const run = (file, ...args) => execFileSync(file, args, { stdio: 'ignore' });

export default {
  what: 'warm mount + unmount of an ext4 volume against mount -o loop + umount',
  goal: 0.5,
  rounds: 40,
  warmUp: 5,
  async setUp() {
    const root = tempRoot();
    const { rex, volumes } = await openLoop(root);
    await volumes.create('warm', { size: '1GiB' });
    await volumes.mount('warm', { holder: 'cli' });
    await volumes.unmount('warm', { holder: 'cli' });
    const image = join(root, 'typed.img');
    const target = join(root, 'typed');
    mkdirSync(target);
    run('truncate', '-s', '1G', image);
    run('mkfs.ext4', '-q', image);
    return { root, rex, volumes, image, target };
  },
  sides: {
    async ours({ volumes }) {
      await volumes.mount('warm', { holder: 'cli' });
      await volumes.unmount('warm', { holder: 'cli' });
    },
    async typed({ image, target }) {
      run('mount', '-o', 'loop', image, target);
      run('umount', target);
    },
  },
  note: ({ root }) => flushNote(root),
  async tearDown({ root, rex }) {
    await rex.close();
    removeRoot(root);
  },
};
