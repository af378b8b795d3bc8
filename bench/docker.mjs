import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { flushNote, removeRoot, tempRoot } from './rig/loop.mjs';

const rig = (name) => join(dirname(fileURLToPath(import.meta.url)), 'rig', name);
const run = promisify(execFile);
const REXRAY_PROGRAM = fileURLToPath(new URL('../bin/rexray', import.meta.url));
const ID = 'a'.repeat(64);
/** Measured on a machine like CI's: REX-Ray 0.11.4 and the best plugin written in Go, at 1 and 16 connections. */
const REXRAY = {
  Path: [221, 241],
  Get: [67],
  'List(100)': [50],
  Create: [16, 16],
  'Mount + Unmount': [1, 1],
  startMs: 1670,
};
const GO = { Path: [9800, 18_800], Get: [7600, 17_800] };

async function ask(socket, call, body) {
  const q = request({ socketPath: socket, path: call, method: 'POST', agent: false });
  q.end(body === undefined ? '' : JSON.stringify(body));
  const [r] = await once(q, 'response');
  r.resume();
  await once(r, 'end');
  return r.statusCode;
}

/** The configuration of a daemon with nothing but the plugin over image files. */
function configure(root, socket) {
  const services = { loop: { driver: 'local-loop', 'local-loop': { volumePath: join(root, 'images') } } };
  mkdirSync(join(root, 'etc'));
  writeFileSync(
    join(root, 'etc/rexray.yml'),
    JSON.stringify({
      rexray: { logLevel: 'warn', modules: { bench: { type: 'docker', host: `unix://${socket}` } } },
      libstorage: { service: 'loop', server: { services } },
    }),
  );
}

/** Starts `rexray start`. @returns milliseconds from the start of the process to its first answer */
async function start(root, socket) {
  const began = performance.now();
  const env = { PATH: process.env.PATH, HOME: root, REXRAY_HOME: root };
  const child = spawn(process.execPath, [REXRAY_PROGRAM, 'start'], { stdio: ['ignore', 'inherit', 'inherit'], env });
  for (;;) {
    if (child.exitCode !== null) throw new Error('the daemon ended');
    if ((await ask(socket, '/Plugin.Activate').catch(() => 0)) === 200) break;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return { child, ms: performance.now() - began, cpu: cpuOf(child.pid) };
}

async function stop(child) {
  child.kill('SIGTERM');
  if (child.exitCode === null) await once(child, 'exit');
}

const statOf = (pid) =>
  readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');

/** A process and all that it started, by pid. */
function family(pid) {
  const found = [pid];
  const all = readdirSync('/proc').filter((p) => /^\d+$/.test(p));
  for (const parent of found)
    for (const p of all) {
      try {
        if (Number(statOf(p)[1]) === parent) found.push(Number(p));
      } catch {}
    }
  return found;
}

/** Processor time of a daemon, its workers and their children, in ms: what a loaded machine does not change much. */
const cpuOf = (pid) =>
  family(pid).reduce((sum, p) => {
    const s = statOf(p);
    return sum + 10 * [11, 12, 13, 14].reduce((n, i) => n + Number(s[i]), 0);
  }, 0);

/** Resident memory of the daemon and of its workers, in MiB. */
const memoryOf = (pid) =>
  family(pid)
    .map((p) => Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${p}/status`, 'utf8'))?.[1] ?? 0) / 1024))
    .join(' + ');

async function load(o) {
  const before = cpuOf(o.pid);
  const spec = `${o.socket}.load.json`;
  writeFileSync(spec, JSON.stringify({ ms: 2000, ...o }));
  const { stdout } = await run(process.execPath, [rig('load.mjs'), spec]);
  const { perSecond, answers, failed } = JSON.parse(stdout);
  if (failed > 0) throw new Error(`${failed} calls of ${JSON.stringify(o.lists[0][0])} failed`);
  return { perSecond, cpuMs: (cpuOf(o.pid) - before) / answers };
}

/** Of a call that is half of what is counted. */
const twice = ({ perSecond, cpuMs }) => ({ perSecond: perSecond / 2, cpuMs: cpuMs * 2 });

const shown = (n) => (n < 100 ? n.toFixed(1) : Math.round(n).toLocaleString('en'));
const times = (ours, theirs) => theirs.map((n, i) => `× ${(ours[i] / n).toFixed(n > 1000 ? 2 : 0)}`).join(', ');
function row(name, { perSecond: one, cpuMs }, { perSecond: sixteen, cpuMs: cpu16 }) {
  const against = [
    REXRAY[name] && `REX-Ray ${times([one, sixteen], REXRAY[name])}`,
    GO[name] && `best in Go ${times([one, sixteen], GO[name])}`,
  ].filter(Boolean);
  return `${shown(one)}/s, 16 connections ${shown(sixteen)}/s; processor ${cpuMs.toFixed(3)} and ${cpu16.toFixed(3)} ms each${against.length > 0 ? `  (${against.join('; ')})` : ''}`;
}

export default {
  what: '`rexray start` with the volume plugin over image files, its client in another process',
  async measure() {
    const root = tempRoot();
    const socket = join(root, 'plugins', 'rexray.sock');
    mkdirSync(join(root, 'plugins'));
    configure(root, socket);
    const rows = {};
    const starts = [];
    let child;
    try {
      for (let i = 0; i < 5; i++) {
        if (child !== undefined) await stop(child);
        const it = await start(root, socket);
        child = it.child;
        starts.push(it);
      }
      starts.sort((a, b) => a.ms - b.ms);
      const { ms, cpu } = starts[2];
      rows['start to first answer'] =
        `median ${shown(ms)} ms of 5, processor ${cpu} ms  (REX-Ray ${REXRAY.startMs} ms: × ${(REXRAY.startMs / ms).toFixed(1)})`;
      const { pid } = child;
      rows['RSS at start'] = `${memoryOf(pid)} MiB`;
      const both = async (name, lists, o = {}) => {
        const one = await load({ socket, pid, connections: 1, lists: lists.slice(0, 1), ...o });
        rows[name] = row(name, one, await load({ socket, pid, connections: 16, lists, ...o }));
      };
      // The workers of the daemon are started by the first calls that need them.
      const names = (prefix, connections, each) =>
        Array.from({ length: connections }, (_, i) => Array.from({ length: each }, (_, k) => `${prefix}${i}-${k}`));
      const calls = (call, lists, body = {}) => lists.map((l) => l.map((Name) => [call, { Name, ...body }]));
      const all = (call, lists, body) =>
        load({ socket, pid, connections: lists.length, lists: calls(call, lists, body), times: 1 });
      const size = { Opts: { size: '64MiB' } };
      await all('Create', names('w', 16, 2), size);
      await all('Remove', names('w', 16, 2));
      // 100 volumes: what List(100) lists.
      const single = await all('Create', names('c', 1, 36), size);
      rows.Create = row('Create', single, await all('Create', names('d', 16, 4), size));
      await both('Activate', [[['/Plugin.Activate', null]]]);
      const name = 'c0-0';
      await ask(socket, '/VolumeDriver.Mount', { Name: name, ID });
      await both('Path', [[['Path', { Name: name }]]]);
      await both('Get', [[['Get', { Name: name }]]]);
      await both('List(100)', [[['List', {}]]]);
      const cycle = (v) => [
        ['Mount', { Name: v, ID }],
        ['Unmount', { Name: v, ID }],
      ];
      await ask(socket, '/VolumeDriver.Unmount', { Name: name, ID });
      const volumes = names('m', 1, 16)[0];
      await all('Create', [volumes], size);
      const lists = volumes.map(cycle);
      // The first mount makes the file system.
      await load({ socket, pid, connections: 16, lists, times: 2 });
      rows['Mount + Unmount'] = row(
        'Mount + Unmount',
        twice(await load({ socket, pid, connections: 1, lists: lists.slice(0, 1) })),
        twice(await load({ socket, pid, connections: 16, lists })),
      );
      for (const v of volumes) await ask(socket, '/VolumeDriver.Unmount', { Name: v, ID });
      rows.flush = flushNote(root);
      await all('Create', names('l', 16, 620), size);
      const first = await load({ socket, pid, connections: 1, lists: [[['List', {}]]], times: 1 });
      rows['List(10,000), first'] = `${shown(1000 / first.perSecond)} ms`;
      rows['List(10,000)'] = row(
        'List(10,000)',
        await load({ socket, pid, connections: 1, lists: [[['List', {}]]] }),
        await load({ socket, pid, connections: 16, lists: [[['List', {}]]] }),
      );
      rows['RSS at the end'] = `${memoryOf(pid)} MiB`;
    } finally {
      if (child !== undefined) await stop(child);
      removeRoot(root);
    }
    return rows;
  },
};
