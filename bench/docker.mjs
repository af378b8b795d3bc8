import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { flushNote, removeRoot, tempRoot } from './rig/loop.mjs';

const rig = (name) => join(dirname(fileURLToPath(import.meta.url)), 'rig', name);
const run = promisify(execFile);
const ID = 'a'.repeat(64);
/** Measured on a machine like CI's: REX-Ray 0.11.4 and the best plugin written in Go, at 1 and 16 connections. */
const REXRAY = { Path: [221, 241], Create: [16, 16], 'Mount + Unmount': [1, 1], startMs: 1670 };
const GO = { Path: [9800, 18_800], Get: [7600, 17_800] };

async function ask(socket, call, body) {
  const q = request({ socketPath: socket, path: call, method: 'POST', agent: false });
  q.end(body === undefined ? '' : JSON.stringify(body));
  const [r] = await once(q, 'response');
  r.resume();
  await once(r, 'end');
  return r.statusCode;
}

/** @returns milliseconds from the start of the process to its first answer */
async function start(root, socket) {
  const began = performance.now();
  const child = spawn(process.execPath, [rig('plugin.mjs'), root, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  for (;;) {
    if (child.exitCode !== null) throw new Error('the plugin ended');
    if ((await ask(socket, '/Plugin.Activate').catch(() => 0)) === 200) break;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return { child, ms: performance.now() - began };
}

async function stop(child) {
  child.kill('SIGTERM');
  if (child.exitCode === null) await once(child, 'exit');
}

async function memory(child) {
  child.kill('SIGUSR2');
  const [said] = await once(child.stdout, 'data');
  return Number(said.toString());
}

async function load(o) {
  const spec = `${o.socket}.load.json`;
  writeFileSync(spec, JSON.stringify({ ms: 2000, ...o }));
  const { stdout } = await run(process.execPath, [rig('load.mjs'), spec]);
  const { perSecond, failed } = JSON.parse(stdout);
  if (failed > 0) throw new Error(`${failed} calls of ${JSON.stringify(o.lists[0][0])} failed`);
  return perSecond;
}

const shown = (n) => (n < 100 ? n.toFixed(1) : Math.round(n).toLocaleString('en'));
function row(name, one, sixteen) {
  const against = [
    REXRAY[name] && `REX-Ray × ${shown(one / REXRAY[name][0])}, × ${shown(sixteen / REXRAY[name][1])}`,
    GO[name] && `best in Go × ${(one / GO[name][0]).toFixed(2)}, × ${(sixteen / GO[name][1]).toFixed(2)}`,
  ].filter(Boolean);
  return `${shown(one)}/s, 16 connections ${shown(sixteen)}/s${against.length > 0 ? `  (${against.join('; ')})` : ''}`;
}

export default {
  what: 'the volume plugin over image files, its client in another process',
  async measure() {
    const root = tempRoot();
    const socket = join(root, 'plugins', 'rexray.sock');
    mkdirSync(join(root, 'plugins'));
    const rows = {};
    const starts = [];
    let child;
    try {
      for (let i = 0; i < 5; i++) {
        if (child !== undefined) await stop(child);
        const it = await start(root, socket);
        child = it.child;
        starts.push(it.ms);
      }
      starts.sort((a, b) => a - b);
      rows['start to first answer'] =
        `median ${shown(starts[2])} ms of 5  (REX-Ray ${REXRAY.startMs} ms: × ${(REXRAY.startMs / starts[2]).toFixed(1)})`;
      rows['RSS at start'] = `${await memory(child)} MiB`;
      const both = async (name, lists, o = {}) => {
        const one = await load({ socket, connections: 1, lists: lists.slice(0, 1), ...o });
        rows[name] = row(name, one, await load({ socket, connections: 16, lists, ...o }));
      };
      let n = 0;
      const made = () =>
        Array.from({ length: 16 }, (_, i) =>
          Array.from({ length: 6 }, () => ['Create', { Name: `c${i}-${n++}`, Opts: { size: '64MiB' } }]),
        );
      rows.Create = row(
        'Create',
        await load({ socket, connections: 1, lists: made().slice(0, 1), times: 1 }),
        await load({ socket, connections: 16, lists: made(), times: 1 }),
      );
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
      const volumes = Array.from({ length: 16 }, (_, i) => `m${i}`);
      for (const v of volumes) {
        await ask(socket, '/VolumeDriver.Create', { Name: v, Opts: { size: '64MiB' } });
        for (const [c, b] of cycle(v)) await ask(socket, `/VolumeDriver.${c}`, b);
      }
      const halves = (x) => x / 2;
      const lists = volumes.map(cycle);
      rows['Mount + Unmount'] = row(
        'Mount + Unmount',
        halves(await load({ socket, connections: 1, lists: lists.slice(0, 1) })),
        halves(await load({ socket, connections: 16, lists })),
      );
      for (const v of volumes) await ask(socket, '/VolumeDriver.Unmount', { Name: v, ID });
      rows.flush = flushNote(root);
      const many = Array.from({ length: 16 }, (_, i) =>
        Array.from({ length: 620 }, (_, k) => ['Create', { Name: `l${i}-${k}`, Opts: { size: '64MiB' } }]),
      );
      await load({ socket, connections: 16, lists: many, times: 1 });
      rows['List(10,000), first'] =
        `${shown(1000 / (await load({ socket, connections: 1, lists: [[['List', {}]]], times: 1 })))} ms`;
      rows['List(10,000)'] = row(
        'List(10,000)',
        await load({ socket, connections: 1, lists: [[['List', {}]]] }),
        await load({ socket, connections: 16, lists: [[['List', {}]]] }),
      );
      rows['RSS at the end'] = `${await memory(child)} MiB`;
    } finally {
      if (child !== undefined) await stop(child);
      removeRoot(root);
    }
    return rows;
  },
};
