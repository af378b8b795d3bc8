import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasRuntime, RUNTIMES } from '@rexray/rig';
import { afterAll, describe, expect, it } from 'vitest';
import { realClock } from '../src/clock.ts';
import { EbsDriver } from '../src/driver.ts';
import type { Action } from '../src/ec2.ts';
import { faultServer } from './ec2/server.ts';
import { leftOver, MUTATING, wholeLife, wrongNow } from './life.ts';
import type { ChildArguments } from './life-child.ts';
import { ctxOf, OUTSIDE, settings } from './world.ts';

const runtime = RUNTIMES.find((r) => r.unbuilt && r.name !== 'Deno' && hasRuntime(r));
const cache = mkdtempSync(join(tmpdir(), 'rexray-ebs-compiled-'));
afterAll(() => rmSync(cache, { recursive: true, force: true }));

interface Outcome {
  /** Where it was killed; undefined when it came to its end. */
  readonly at: string | undefined;
  readonly wrong: readonly string[];
}

/** Kills the process once EC2 did its nth mutating call; then another one does everything again. */
async function killedAt(nth: number): Promise<Outcome> {
  if (runtime === undefined) throw new Error('no runtime that takes TypeScript (tests/runtimes)');
  const server = await faultServer({ clock: realClock });
  const node = server.model.addInstance().id;
  const told: ChildArguments = [server.endpoint, node];
  const args = [...runtime.args(['@rexray/source']), join(import.meta.dirname, 'life-child.ts'), ...told];
  const child = spawn(runtime.program, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, NODE_COMPILE_CACHE: cache },
  });
  let said = '';
  child.stderr.on('data', (d: Buffer) => {
    said += d.toString();
  });
  const ended = new Promise<NodeJS.Signals | null>((resolve) => child.once('exit', (_, signal) => resolve(signal)));
  let seen = 0;
  let at: string | undefined;
  server.watch = async (moment: 'before' | 'after', action: Action) => {
    if (!MUTATING.includes(action) || at !== undefined) return;
    if (moment === 'before') return;
    seen += 1;
    if (seen !== nth) return;
    at = `after ${action} (call ${nth})`;
    child.kill('SIGKILL');
    await ended;
  };
  const wrong: string[] = [];
  try {
    const signal = await ended;
    if (signal === null && at === undefined && child.exitCode !== 0) wrong.push(said.slice(-500));
    server.watch = undefined;
    wrong.push(...wrongNow(server.model));
    wrong.push(...(await restarted(server.endpoint, node)), ...leftOver(server.model));
  } catch (e) {
    wrong.push(String(e));
  } finally {
    await server.close();
  }
  return { at, wrong };
}

async function restarted(endpoint: string, node: string): Promise<string[]> {
  const d = new EbsDriver(settings(endpoint, node), OUTSIDE);
  try {
    await d.whoami({ nodeId: 'n', hostname: 'n', bootId: 'after', macs: [] }, ctxOf());
    await d.sweep(node, 'after', ctxOf());
    await wholeLife(d, node);
    return [];
  } catch (e) {
    return [String(e)];
  } finally {
    await d.close();
  }
}

describe('S13: SIGKILL after each mutating call, on our own EC2 (not Amazon’s), then a restart', () => {
  // Before the next call EC2 is as it was after the last one: one kill for each call tells both.
  it('nothing without tags, nothing twice, nothing left', async () => {
    const bad: string[] = [];
    const killed: string[] = [];
    let nth = 0;
    let over = false;
    const next = async (): Promise<void> => {
      while (!over) {
        nth += 1;
        const r = await killedAt(nth);
        if (r.at === undefined) over = true;
        else killed.push(r.at);
        if (r.wrong.length > 0) bad.push(`${r.at ?? 'not killed'}: ${r.wrong.join('; ')}`);
      }
    };
    await Promise.all([next(), next(), next(), next()]);
    console.log(`killed after each of ${killed.length} mutating calls, ${bad.length} went wrong`);
    expect(bad).toEqual([]);
    expect(killed.length).toBeGreaterThan(12);
  }, 300_000);
});
