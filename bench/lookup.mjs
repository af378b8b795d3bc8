import { join } from 'node:path';
import localLoop from '@rexray/driver-local-loop';
import { openRexray } from '@rexray/runtime';
import { removeRoot, tempRoot } from './rig/loop.mjs';

const CALLS = 200;
async function fill(volumes, n) {
  for (let i = 0; i < n; i += 50) {
    await Promise.all(
      Array.from({ length: Math.min(50, n - i) }, (_, j) => volumes.create(`v-${i + j}`, { size: '1GiB' })),
    );
  }
}
const lookups = (n) => async (state) => {
  const volumes = state.rex.service(n === 10 ? 'few' : 'many').integration;
  for (let i = 0; i < CALLS; i++) await volumes.get(`v-${(i * 7919) % n}`);
};

export default {
  what: `${CALLS} × get with 10,000 volumes against ${CALLS} × get with 10`,
  goal: 1.5,
  rounds: 10,
  async setUp() {
    const root = tempRoot();
    const dir = (name) => localLoop({ volumePath: join(root, name) });
    const rex = await openRexray({
      home: root,
      services: { few: dir('few'), many: dir('many') },
      defaultService: 'few',
    });
    await fill(rex.service('few').integration, 10);
    await fill(rex.service('many').integration, 10_000);
    return { root, rex };
  },
  sides: { many: lookups(10_000), few: lookups(10) },
  async tearDown({ root, rex }) {
    await rex.close();
    removeRoot(root);
  },
};
