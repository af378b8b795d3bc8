import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Cleanup } from '@rexray/rig';
import { afterEach, describe, expect, it } from 'vitest';
import { inspect } from '../src/inspect.ts';
import { openStore } from './open.ts';

const WRITER = fileURLToPath(new URL('./writer.ts', import.meta.url));
const runtime = (name: string): string =>
  fileURLToPath(new URL(`../../../tests/runtimes/node_modules/.bin/${name}`, import.meta.url));
const NODE = [runtime('node'), '--conditions=@rexray/source'];
const DENO = [runtime('deno'), 'run', '-A', '--conditions=@rexray/source'];

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

function start(
  command: readonly string[],
  ...args: string[]
): { child: ChildProcess; out: () => string; ended: Promise<number | string> } {
  const [program = '', ...rest] = command;
  const child = spawn(program, [...rest, WRITER, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  cleanup.add(() => child.kill('SIGKILL'));
  let out = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    out += String(chunk);
  });
  const ended = new Promise<number | string>((done) => {
    child.on('close', (code, signal) => done(code ?? signal ?? 'gone'));
  });
  return { child, out: () => out, ended };
}
const lastLine = (text: string): number => Number(text.slice(0, text.lastIndexOf('\n')).split('\n').at(-1) || 0);

describe('several processes', () => {
  it('S12: SIGKILL loses nothing that was acknowledged, tears nothing, blocks nobody', async () => {
    const dir = join(cleanup.tempDir(), 'state');
    const survivor = openStore(dir);
    cleanup.add(() => survivor.close());
    let commits = 0;
    for (let round = 0; round < 4; round++) {
      const writers = ['x', 'y'].map((name) => ({ name, ...start(NODE, dir, name, 'count') }));
      for (const w of writers) await expect.poll(w.out, { timeout: 10_000, interval: 10 }).toContain('\n');
      await new Promise((r) => setTimeout(r, Math.random() * 100));
      for (const w of writers) w.child.kill('SIGKILL');
      // While they die: the survivor writes, whoever held the lock.
      await survivor.commit([{ put: 'round', value: round }]);
      for (const w of writers) {
        await w.ended;
        const a = (await survivor.get<number>(`${w.name}/a`)) ?? 0;
        expect(await survivor.get(`${w.name}/b`)).toBe(a);
        expect(a).toBeGreaterThanOrEqual(lastLine(w.out()));
        expect(a).toBeLessThanOrEqual(lastLine(w.out()) + 2);
        commits = Math.max(commits, a);
      }
      expect(await inspect(join(dir, 'lmdb', 'data.mdb'))).toMatchObject({ is: 'sound' });
    }
    expect(commits).toBeGreaterThan(20);
  }, 60_000);

  it('S5: writers that expect the same: exactly one wins each step', async () => {
    const dir = join(cleanup.tempDir(), 'state');
    const writers = ['x', 'y', 'z'].map((name) => start(NODE, dir, name, 'add'));
    expect(await Promise.all(writers.map((w) => w.ended))).toEqual([0, 0, 0]);
    const store = openStore(dir);
    cleanup.add(() => store.close());
    expect(await store.get('n')).toBe(600);
    const won = (await store.list<string>('won/')).map(([, name]) => name);
    expect(won).toHaveLength(600);
    for (const name of ['x', 'y', 'z']) expect(won.filter((w) => w === name)).toHaveLength(200);
  }, 60_000);

  it('runs on Node 24 and Deno, on one state', async () => {
    const dir = join(cleanup.tempDir(), 'state');
    for (const [command, name] of [
      [NODE, 'v24'],
      [DENO, 'v'],
    ] as const) {
      const run = start(command, dir, 'x', 'once');
      expect(await run.ended, name).toBe(0);
      expect(JSON.parse(run.out())).toMatchObject({ runtime: expect.stringContaining(name), keys: 1 });
    }
  }, 60_000);
});
