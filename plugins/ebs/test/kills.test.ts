import { type ChildProcess, spawn } from 'node:child_process';
import type { Ctx } from '@rexray/core';
import { hasRuntime, RUNTIMES } from '@rexray/rig';
import { describe, expect, it } from 'vitest';
import { type Clock, realClock } from '../src/clock.ts';
import { EbsDriver } from '../src/driver.ts';
import { type FaultServer, faultServer } from './ec2/server.ts';
import { type Instances, leftOver, MUTATING, wholeLife, wrongNow } from './life.ts';
import type { ChildArguments } from './life-child.ts';
import { ctxOf, instancesOn, OUTSIDE, settings } from './world.ts';

const runtime = RUNTIMES.find((r) => r.unbuilt && r.name !== 'Deno' && hasRuntime(r));

/** One life, stopped at its nth mutating call: done by EC2, the reply not sent. */
interface Life {
  readonly server: FaultServer;
  readonly on: Instances;
  /** Resolves with the call once the life stands there. */
  readonly stands: Promise<string>;
}

async function lifeUntil(nth: number, killed: Promise<void>): Promise<Life> {
  const server = await faultServer({ clock: realClock });
  let seen = 0;
  const stands = new Promise<string>((resolve) => {
    server.watch = async (moment, action) => {
      if (moment === 'before' || !MUTATING.includes(action)) return;
      seen += 1;
      if (seen !== nth) return;
      resolve(`after ${action} (call ${nth})`);
      await killed;
    };
  });
  return { server, on: instancesOn(server), stands };
}

function startAll(lives: readonly Life[]): { child: ChildProcess; ended: Promise<string> } {
  if (runtime === undefined) throw new Error('no runtime that takes TypeScript (tests/runtimes)');
  const told: ChildArguments = [JSON.stringify(lives.map((l) => [l.server.endpoint, ...l.on]))];
  const args = [...runtime.args(['@rexray/source']), `${import.meta.dirname}/life-child.ts`, ...told];
  const child = spawn(runtime.program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr?.on('data', (d: Buffer) => {
    said = (said + d.toString()).slice(-1000);
  });
  const ended = new Promise<string>((resolve) =>
    child.once('exit', (code, signal) => resolve(signal ?? `exit ${code}: ${said}`)),
  );
  return { child, ended };
}

/** Ten times as fast: a rival that died is outwaited for 25 s. */
const HASTE = 10;
const hasty: Clock = {
  now: () => realClock.now() * HASTE,
  sleep: (ms, signal) => realClock.sleep(ms / HASTE, signal),
  random: () => realClock.random(),
};
const patience = (): Ctx => ({ ...ctxOf(), deadline: hasty.now() + 600_000 });

/** What another process finds and does after the kill, on the same EC2. */
async function restarted({ server, on }: Life): Promise<string[]> {
  const wrong = wrongNow(server.model);
  const d = new EbsDriver(settings(server.endpoint, on[0], { statusInitialDelay: '100ms' }), {
    ...OUTSIDE,
    clock: hasty,
  });
  try {
    await d.whoami({ nodeId: 'n', hostname: 'n', bootId: 'after', macs: [] }, patience());
    await d.sweep(on[0], 'after', patience());
    // As the core does on each node at its start, by its own notes.
    for (const v of (await d.list({}, patience())).items)
      for (const a of v.attachments) await d.detach(v.id, a.node, { force: false }, patience());
    await wholeLife(d, on, patience);
    return [...wrong, ...leftOver(server.model)];
  } catch (e) {
    return [...wrong, String(e)];
  } finally {
    await d.close();
  }
}

async function mutatingCalls(): Promise<number> {
  const server = await faultServer({ clock: realClock });
  const on = instancesOn(server);
  const d = new EbsDriver(settings(server.endpoint, on[0]), OUTSIDE);
  try {
    await d.whoami({ nodeId: 'n', hostname: 'n', bootId: 'counting', macs: [] }, ctxOf());
    await wholeLife(d, on);
    return MUTATING.reduce((n, a) => n + (server.model.calls[a] ?? 0), 0);
  } finally {
    await d.close();
    await server.close();
  }
}

describe('S13: SIGKILL after each mutating call, on our own EC2 (not Amazon’s), then a restart', () => {
  // Before the next call EC2 is as it was after the last one: one kill for each call tells both. One process lives all the
  // lives, each on a server of its own that stops it at another call: killing it kills each where it stands.
  it('nothing without tags, nothing twice, nothing left', async () => {
    let nowDead = (): void => undefined;
    const dead = new Promise<void>((resolve) => {
      nowDead = resolve;
    });
    const calls = await mutatingCalls();
    const lives = await Promise.all(Array.from({ length: calls }, (_, i) => lifeUntil(i + 1, dead)));
    const { child, ended } = startAll(lives);
    try {
      const failed = ended.then((why) => Promise.reject(new Error(`the process ended by itself: ${why}`)));
      const killed = await Promise.race([Promise.all(lives.map((l) => l.stands)), failed]);
      child.kill('SIGKILL');
      expect(await ended).toBe('SIGKILL');
      for (const l of lives) l.server.watch = undefined;
      nowDead();
      const bad = (await Promise.all(lives.map(restarted))).flatMap((wrong, i) =>
        wrong.map((w) => `${killed[i]}: ${w}`),
      );
      console.log(`killed after each of ${killed.length} mutating calls, ${bad.length} went wrong`);
      expect(bad).toEqual([]);
      expect(killed.length).toBeGreaterThan(12);
    } finally {
      child.kill('SIGKILL');
      await ended;
      nowDead();
      await Promise.all(lives.map((l) => l.server.close()));
    }
  }, 120_000);
});
