import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = new URL('..', import.meta.url).pathname;
const FILE = join(ROOT, 'packages/dvdcli/dist/dvdcli.cjs');
const BINARY = join(ROOT, 'bin/dvdcli-static');
const NODE24 = join(ROOT, 'tests/runtimes/node_modules/.bin/node');
const FLOOR = new URL('rig/floor.cjs', import.meta.url).pathname;
const PLUGIN = new URL('rig/stub-plugin.mjs', import.meta.url).pathname;
const ROUNDS = 40;
const MANY = 100;
const GOAL = 1.2;
const BARE = 'bare node -e 0';

const quantile = (list, q) => [...list].sort((a, b) => a - b)[Math.floor(q * list.length)];
const ms = (n) => `${n.toFixed(1)} ms`;

/** Wall and CPU time of one child, in ms. CPU is what this process's children have used since the last look. */
function once(program, args, o) {
  const before = childCpu();
  const began = performance.now();
  execFileSync(program, args, { stdio: [o.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'], ...o });
  return { wall: performance.now() - began, cpu: childCpu() - before };
}

/** User and system time of children that have ended: fields 16 and 17 of /proc/self/stat, in ticks of 10 ms. */
function childCpu() {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) * 10;
}

async function withPlugin(act) {
  const dir = mkdtempSync(join(tmpdir(), 'rexray-bench-'));
  const plugin = spawn(process.execPath, [PLUGIN, join(dir, 'stub.sock')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await new Promise((resolve) => plugin.stdout.once('data', resolve));
    const env = { PATH: process.env.PATH, DVDCLI_SOCKET_DIR: dir, DVDCLI_SPEC_DIRS: dir, DVDCLI_MANAGED_DIR: dir };
    return await act(env);
  } finally {
    plugin.kill();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Bare Node, `path` and `mount` take turns, so that a noisy machine is noisy for all. */
function rows(name, sides, env) {
  const all = Object.fromEntries(Object.keys(sides).map((s) => [s, []]));
  for (let round = -3; round < ROUNDS; round++) {
    for (const [side, [program, ...args]] of Object.entries(sides)) {
      const t = once(program, args, { env });
      if (round >= 0) all[side].push(t);
    }
  }
  const wall = (side) => all[side].map((t) => t.wall);
  const cpu = (side) => all[side].reduce((n, t) => n + t.cpu, 0) / ROUNDS;
  return Object.fromEntries(
    Object.keys(sides).map((side) => {
      const ratio = quantile(wall(side), 0.5) / quantile(wall(BARE), 0.5);
      const work = cpu(side) / cpu(BARE);
      const times = `median ${ms(quantile(wall(side), 0.5))}, min ${ms(Math.min(...wall(side)))}, CPU ${ms(cpu(side))}`;
      const verdict = side.startsWith('dvdcli.cjs') ? ` (goal ≤ ${GOAL}: ${ratio <= GOAL ? 'met' : 'MISSED'})` : '';
      return [
        `${name}: ${side}`,
        side === BARE ? times : `${times}, ${ratio.toFixed(2)} × bare, CPU ${work.toFixed(2)} ×${verdict}`,
      ];
    }),
  );
}

function manyRows(env) {
  const lines = Array.from({ length: MANY }, (_, i) => `v${i}\n`).join('');
  const one = once(process.execPath, [FILE, 'mount', '--volumedriver=stub', '-'], { env, input: lines });
  const began = performance.now();
  for (let i = 0; i < MANY; i++)
    execFileSync(process.execPath, [FILE, 'mount', '--volumedriver=stub', `v${i}`], { env });
  const each = performance.now() - began;
  return {
    [`${MANY} mounts, one start (-)`]: ms(one.wall),
    [`${MANY} mounts, ${MANY} starts`]: `${ms(each)}, ${(each / one.wall).toFixed(0)} × as long`,
  };
}

export default {
  what: 'dvdcli over the socket of a plugin that answers at once, against bare Node',
  measure: () =>
    withPlugin((env) => {
      const ask = (verb) => [FILE, verb, '--volumedriver=stub', '--volumename=a'];
      const on = (node) => ({
        [BARE]: [node, '-e', '0'],
        'the same calls by hand': [node, FLOOR, join(env.DVDCLI_SOCKET_DIR, 'stub.sock')],
        'dvdcli.cjs path': [node, ...ask('path')],
        'dvdcli.cjs mount': [node, ...ask('mount')],
        ...(existsSync(BINARY) && { 'compiled binary mount': [BINARY, ...ask('mount').slice(1)] }),
      });
      return {
        ...rows(`Node ${process.versions.node}`, on(process.execPath), env),
        ...(existsSync(NODE24) && rows('Node 24', on(NODE24), env)),
        ...manyRows(env),
      };
    }),
};
