import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Cleanup, FROM_SOURCES, NODE24, WORKSPACE } from '@rexray/rig';

/**
 * `rexray start` as a process of its own, once it answers; ended, and waited for, at the end.
 * @param inside put before the program: the machine that it runs on
 */
export async function startDaemon(
  cleanup: Cleanup,
  { home, lib, inside }: { home: string; lib: string; inside: readonly string[] },
): Promise<void> {
  const main = join(WORKSPACE, 'packages/cli/src/main.ts');
  const [program = '', ...args] = [...inside, NODE24, ...FROM_SOURCES, main, 'start'];
  const child = spawn(program, args, {
    env: { PATH: process.env.PATH, HOME: home, REXRAY_HOME: home, REXRAY_HOME_LIB: lib },
    stdio: ['ignore', 'ignore', 'pipe'],
    cwd: '/',
  });
  let said = '';
  child.stderr.on('data', (d: Buffer) => {
    said += d.toString();
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  cleanup.add(async () => {
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), 20_000);
    await ended;
    clearTimeout(late);
  });
  const socket = join(home, 'var/run/rexray.sock');
  for (let i = 0; i < 600 && !existsSync(socket); i++) {
    if (child.exitCode !== null) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  if (!existsSync(socket)) throw new Error(`the daemon did not start: ${said}`);
}
