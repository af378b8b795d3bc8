import { openLoop, removeRoot, tempRoot } from '../rig/loop.mjs';

const what = process.argv[2] ?? 'mount';
const N = Number(process.argv[3] ?? 100);
const more = process.argv[4] === 'worker' ? { host: 'worker' } : {};
const root = tempRoot();
const { rex, volumes } = await openLoop(root, more);
try {
  await volumes.create('warm', { size: '64MiB' });
  const cyc = {
    mount: async () => {
      await volumes.mount('warm', { holder: 'cli' });
      await volumes.unmount('warm', { holder: 'cli' });
    },
    create: (() => {
      let n = 0;
      return async () => {
        await volumes.create(`c${n++}`, { size: '64MiB' });
      };
    })(),
    get: () => volumes.get('warm'),
  }[what];
  for (let i = 0; i < 10; i++) await cyc();
  const c0 = process.cpuUsage(),
    t0 = performance.now();
  for (let i = 0; i < N; i++) await cyc();
  const c = process.cpuUsage(c0);
  console.log(
    what,
    'wall',
    ((performance.now() - t0) / N).toFixed(2),
    'user',
    (c.user / 1000 / N).toFixed(2),
    'sys',
    (c.system / 1000 / N).toFixed(2),
    'ms each',
  );
} finally {
  await rex.close();
  removeRoot(root);
}
