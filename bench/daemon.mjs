import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import localLoop from '@rexray/driver-local-loop';
import { openRexray } from '@rexray/runtime';
import { connect } from '../packages/rest-client/dist/index.js';
import { removeRoot, tempRoot } from './rig/loop.mjs';

const HERE = new URL('..', import.meta.url).pathname;
const MAIN = join(HERE, 'packages/cli/dist/rexray.cjs');
const NODE24 = join(HERE, 'tests/runtimes/node_modules/.bin/node');
const MANY = 10_000;
const STARTS = 7;

const sorted = (xs) => [...xs].sort((a, b) => a - b);
const median = (xs) => sorted(xs)[Math.floor(xs.length / 2)];
const ms = (xs) => `median ${median(xs).toFixed(0)} ms, min ${Math.min(...xs).toFixed(0)} ms`;

function home() {
  const root = tempRoot();
  mkdirSync(join(root, 'etc'));
  writeFileSync(
    join(root, 'etc/rexray.yml'),
    `rexray: { modules: { none: { type: rest, disabled: true } } }\nlibstorage:\n  service: loop\n  server:\n    services:\n      loop:\n        driver: local-loop\n        local-loop: { volumePath: ${root}/images }\n`,
  );
  return root;
}

/** Starts a daemon; `ready` is how long it took to say so, in ms. */
async function start(root, node = NODE24) {
  const began = performance.now();
  const child = spawn(node, [MAIN, 'start'], {
    env: { PATH: process.env.PATH, HOME: root, REXRAY_HOME: root },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  let said = '';
  await new Promise((resolve, reject) => {
    child.stdout.on('data', (d) => {
      said += d;
      if (said.includes('rexray is ready')) resolve();
    });
    ended.then(() => reject(new Error(`the daemon ended: ${said}`)));
  });
  const ready = performance.now() - began;
  const stop = () => {
    child.kill('SIGTERM');
    return ended;
  };
  return { pid: child.pid, ready, stop, client: () => connect({ socketPath: join(root, 'var/run/rexray.sock') }) };
}

async function starts(root, node) {
  const times = [];
  for (let i = 0; i < STARTS; i++) {
    const d = await start(root, node);
    times.push(d.ready);
    await d.stop();
  }
  return times;
}

async function fill(root) {
  const rex = await openRexray({ home: root, services: { loop: localLoop({ volumePath: join(root, 'images') }) } });
  const { integration } = rex.service('loop');
  for (let i = 0; i < MANY; i += 50)
    await Promise.all(Array.from({ length: 50 }, (_, j) => integration.create(`v-${i + j}`, { size: '1GiB' })));
  await rex.close();
}

/** A process and its children: resident, and its share of what is in memory (what several have counts once). */
function memory(pid) {
  const field = (p, file, name) =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${p}/${file}`, 'utf8'))?.[1] ?? 0) / 1024;
  const children = readdirSync('/proc')
    .filter((p) => /^\d+$/.test(p))
    .filter((p) => {
      try {
        return readFileSync(`/proc/${p}/stat`, 'utf8').split(') ')[1]?.split(' ')[1] === String(pid);
      } catch {
        return false;
      }
    });
  const all = [pid, ...children];
  const rss = all.map((p) => field(p, 'status', 'VmRSS'));
  const pss = all.map((p) => field(p, 'smaps_rollup', 'Pss')).reduce((a, b) => a + b, 0);
  return `${rss.map((r) => r.toFixed(0)).join(' + ')} MiB resident, ${pss.toFixed(0)} MiB together (shared pages once)`;
}

const pause = (n) => new Promise((resolve) => setTimeout(resolve, n));

async function each(n, act) {
  const times = [];
  for (let i = 0; i < n; i++) {
    const began = performance.now();
    await act();
    times.push(performance.now() - began);
  }
  return median(times);
}

/** The same verbs here and through the daemon, by turns. */
async function overhead(root) {
  const d = await start(root);
  const rex = await openRexray({ home: root, services: { loop: localLoop({ volumePath: join(root, 'images') }) } });
  const client = d.client();
  try {
    const [near, far] = [rex.service('loop').integration, await client.integration()];
    await near.create('verb', { size: '64MiB' });
    const holder = { holder: 'cli' };
    const warm = async (it) => {
      await it.mount('verb', holder);
      await it.unmount('verb', holder);
    };
    await warm(near);
    await warm(far);
    await pause(1000);
    const idle = memory(d.pid);
    const rows = {};
    for (const [name, n, act] of [
      ['get', 300, (it) => it.get('verb')],
      ['mount + unmount', 25, warm],
    ]) {
      const [a, b] = [[], []];
      for (let round = 0; round < 4; round++) {
        a.push(await each(n / 5, () => act(near)));
        b.push(await each(n / 5, () => act(far)));
      }
      rows[name] =
        `${median(b).toFixed(2)} ms through the daemon, ${median(a).toFixed(2)} ms in-process: ${(median(b) - median(a)).toFixed(2)} ms more`;
    }
    await near.remove('verb');
    return { rows, idle };
  } finally {
    client.close();
    await rex.close();
    await d.stop();
  }
}

export default {
  what: `the daemon: start to ready (Node 24), memory, a verb through its socket`,
  async measure() {
    const root = home();
    try {
      const bare = [];
      for (let i = 0; i < STARTS; i++) {
        const began = performance.now();
        await new Promise((resolve) => spawn(NODE24, ['-e', '0'], { stdio: 'ignore' }).once('exit', resolve));
        bare.push(performance.now() - began);
      }
      const none = await starts(root, NODE24);
      const floor = await starts(root, process.execPath);
      const d = await start(root);
      await pause(1500);
      const fresh = memory(d.pid);
      await pause(62_000);
      const idle = memory(d.pid);
      await d.stop();
      const verbs = await overhead(root);
      await fill(root);
      const many = await starts(root, NODE24);
      return {
        'bare node 24': ms(bare),
        'ready, 0 volumes': `${ms(none)} (goal 500)`,
        [`ready, ${MANY} volumes`]: `${ms(many)} (goal 500)`,
        [`ready, 0 volumes, Node ${process.versions.node}`]: ms(floor),
        'memory, just started': fresh,
        'memory, idle for a minute': `${idle} (goal 120)`,
        'memory, after a mount': verbs.idle,
        ...verbs.rows,
      };
    } finally {
      removeRoot(root);
    }
  },
};
