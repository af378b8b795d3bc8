import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { Cleanup, FROM_SOURCES, NODE24, WORKSPACE } from '@rexray/rig';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { realClock } from '../src/clock.ts';
import type { Action } from '../src/ec2.ts';
import { type FaultServer, faultServer } from './ec2/server.ts';
import { leftOver, wrongNow } from './life.ts';
import { type Shell, shell } from './shell.ts';
import { ISOLATED } from './world.ts';

let cleanup: Cleanup;
beforeEach(() => {
  cleanup = new Cleanup();
});
afterEach(() => cleanup.run());

const MAIN = join(WORKSPACE, 'packages/cli/src/main.ts');

/** The command as a process of its own, killed once EC2 has done its first call of that action, and has not replied. */
async function killed(server: FaultServer, rexray: Shell, argv: readonly string[], at: Action): Promise<string> {
  const child = spawn(NODE24, [...FROM_SOURCES, MAIN, ...argv], {
    env: { ...ISOLATED, ...rexray.env },
    stdio: ['ignore', 'ignore', 'pipe'],
    cwd: '/',
  });
  let said = '';
  child.stderr.on('data', (d: Buffer) => {
    said += d.toString();
  });
  const ended = new Promise<string>((resolve) =>
    child.once('exit', (code, signal) => resolve(signal ?? `${code} ${said}`)),
  );
  cleanup.add(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  server.watch = async (when, action) => {
    if (when === 'before' || action !== at) return;
    child.kill('SIGKILL');
    await ended;
  };
  const how = await ended;
  server.watch = undefined;
  return how;
}

const attachments = (server: FaultServer): number =>
  [...server.model.volumes.values()].reduce((n, v) => n + v.attachments.length, 0);

describe('a command that is killed, on our own EC2 (not Amazon’s); the next one clears up after it', () => {
  it.each<[before: string[], command: string, at: Action]>([
    [[], 'volume create data --size 1', 'CreateVolume'],
    [['volume create data --size 1'], 'volume attach data', 'AttachVolume'],
    [['volume create data --size 1', 'volume attach data'], 'volume detach data', 'DetachVolume'],
    [['volume create data --size 1'], 'volume clone data copy', 'CreateSnapshot'],
    [['volume create data --size 1'], 'volume clone data copy', 'CreateVolume'],
    [['volume create data --size 1'], 'volume rm data', 'DeleteVolume'],
  ])(
    '%s, then %s killed after %s',
    async (before, command, at) => {
      const server = await faultServer({
        clock: realClock,
        takes: { create: 10, attach: 10, detach: 10, snapshot: 10 },
      });
      cleanup.add(() => server.close());
      const rexray = shell(cleanup, server, server.model.addInstance());
      for (const c of before) expect((await rexray(...c.split(' '))).status).toBe(0);
      expect(await killed(server, rexray, command.split(' '), at)).toBe('SIGKILL');
      expect(wrongNow(server.model)).toEqual([]);
      // What stands half is finished or undone by whoever comes next on this node; then the same command does what it should.
      expect((await rexray('volume', 'ls')).status).toBe(0);
      expect(attachments(server)).toBe(0);
      const again = await rexray(...command.split(' '), ...(command.includes('rm') ? ['--idempotent'] : []));
      expect([again.err, again.status]).toEqual(['', 0]);
      expect(wrongNow(server.model)).toEqual([]);
      expect([...server.model.snapshots.keys()]).toEqual([]);
      for (const name of ['data', 'copy']) {
        await rexray('volume', 'detach', name);
        await rexray('volume', 'rm', name, '--idempotent');
      }
      expect(leftOver(server.model)).toEqual([]);
    },
    120_000,
  );
});
