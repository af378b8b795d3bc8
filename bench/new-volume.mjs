import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { flushNote, openLoop, removeRoot, tempRoot } from './rig/loop.mjs';

const run = (file, ...args) => execFileSync(file, args, { stdio: 'ignore' });
let count = 0;

export default {
  what: 'a new 16 GiB ext4 volume, created and mounted, against truncate, mkfs.ext4, mount -o loop',
  goal: 0.8,
  rounds: 20,
  warmUp: 3,
  async setUp() {
    const root = tempRoot();
    const target = join(root, 'typed');
    mkdirSync(target);
    return { root, target, image: join(root, 'typed.img'), ...(await openLoop(root)) };
  },
  sides: {
    async ours({ volumes }) {
      count += 1;
      const name = `new-${count}`;
      const start = performance.now();
      await volumes.create(name, { size: '16GiB' });
      await volumes.mount(name, { holder: 'cli' });
      const ms = performance.now() - start;
      await volumes.unmount(name, { holder: 'cli' });
      await volumes.remove(name);
      return ms;
    },
    async typed({ image, target }) {
      const start = performance.now();
      run('truncate', '-s', '16G', image);
      run('mkfs.ext4', '-q', image);
      run('mount', '-o', 'loop', image, target);
      const ms = performance.now() - start;
      run('umount', target);
      rmSync(image);
      return ms;
    },
  },
  note: ({ root }) => flushNote(root),
  async tearDown({ root, rex }) {
    await rex.close();
    removeRoot(root);
  },
};
