/** `rexray` as a person starts it: Node with the built file. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import localLoop from '@rexray/driver-local-loop';
import { openRexray } from '@rexray/runtime';
import { removeRoot, tempRoot } from './loop.mjs';

const FILE = new URL('../../packages/cli/dist/rexray.cjs', import.meta.url).pathname;

/** One start of Node with these arguments; throws where it does not end well. */
export function node(args, env = process.env) {
  const r = spawnSync(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });
  if (r.status !== 0) throw new Error(`${args.join(' ')}: ${r.stderr || r.error}`);
  return r.stdout;
}
export const rexray = (args, env) => node([FILE, ...args], env);

/** A daemon over that many volumes of the driver local-loop; its environment, and how to end it. */
export async function daemonWith(volumes) {
  const root = tempRoot();
  mkdirSync(join(root, 'etc'));
  writeFileSync(
    join(root, 'etc/rexray.yml'),
    'rexray: { modules: { none: { type: rest, disabled: true } } }\nlibstorage: { service: local-loop }\n',
  );
  const rex = await openRexray({ home: root, services: { 'local-loop': localLoop({}) } });
  for (let i = 0; i < volumes; i += 25)
    await Promise.all(
      Array.from({ length: 25 }, (_, j) =>
        rex.service('local-loop').create(`volume-${String(i + j).padStart(4, '0')}`, { size: '1GiB' }),
      ),
    );
  await rex.close();
  const env = { PATH: process.env.PATH, HOME: root, REXRAY_HOME: root };
  const child = spawn(process.execPath, [FILE, 'start'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  await new Promise((resolve, reject) => {
    let said = '';
    child.stdout.on('data', (d) => {
      said += d;
      if (said.includes('rexray is ready')) resolve();
    });
    ended.then(() => reject(new Error(`the daemon ended: ${said}`)));
  });
  return {
    env,
    async stop() {
      child.kill('SIGTERM');
      await ended;
      removeRoot(root);
    },
  };
}
