import http from 'node:http';
import { join } from 'node:path';
import type { Integration } from '@rexray/core';
import { type TestRexray, testRexray } from '@rexray/runtime/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Leaks, PROOF_MS, watchLeaks } from '../src/leaks.ts';
import { Cleanup, logInto } from './plugged.ts';

const X = `engine:${'e'.repeat(64)}`;
const Y = `engine:${'f'.repeat(64)}`;
const PODMAN = 'engine:2f73349cfc4630255319c6c8dfc1b46a8996ace9d14d8e07563b165915918ec2';

let cleanup: Cleanup;
let rex: TestRexray;
let volumes: Integration;
let leaks: Leaks;
let now = 0;
let containers: object[];
let status: number;
let log: string[];
beforeEach(async () => {
  cleanup = new Cleanup();
  rex = await testRexray();
  cleanup.add(() => rex.close());
  volumes = rex.integration;
  [now, containers, status, log] = [0, [], 200, []];
  const socket = join(cleanup.tempDir('rxe-'), 'docker.sock');
  const engine = http.createServer((_q, r) => r.writeHead(status).end(JSON.stringify(containers)));
  await new Promise<void>((resolve) => engine.listen(socket, resolve));
  cleanup.add(() => engine.close());
  leaks = watchLeaks({
    engine: `unix://${socket}`,
    service: volumes,
    logger: logInto(log),
    events: rex.events,
    now: () => now,
  });
  cleanup.add(() => leaks.stop());
  await volumes.create('v');
  await volumes.mount('v', { holder: X });
  await volumes.mount('v', { holder: X });
});
afterEach(() => cleanup.run());

const count = async (): Promise<number> => (await volumes.holders.list()).length;
async function twice(between: () => unknown = () => undefined): Promise<number> {
  await leaks.round();
  now += PROOF_MS;
  await between();
  await leaks.round();
  return count();
}
const using = (State: string, Name = 'v'): object => ({ State, Mounts: [{ Type: 'volume', Name }] });

describe('S18: holders that an engine lost', () => {
  it('are dropped once it is proven twice, 130 s apart', async () => {
    await volumes.mount('v', { holder: Y });
    await leaks.round();
    now += PROOF_MS - 1;
    await leaks.round();
    expect(await count()).toBe(2);
    now += 1;
    await leaks.round();
    expect(await count()).toBe(0);
    expect(rex.machine.mounts.size).toBe(0);
    expect(await rex.leaks()).toEqual([]);
    expect(log.join('\n')).toMatch(/warn a holder that its engine lost was dropped/);
  });

  it.each(['running', 'paused', 'restarting', 'removing', 'created', 'unheard-of'])(
    'stay while a container that is %s uses the volume',
    async (state) => {
      containers = [using('exited'), using(state)];
      expect(await twice()).toBe(1);
    },
  );

  it('a container that ended, and one of another volume, prove nothing against it', async () => {
    containers = [using('exited'), using('dead'), using('running', 'other')];
    expect(await twice()).toBe(0);
  });

  it('stay when the engine is away, or answers strangely, at either time', async () => {
    status = 500;
    expect(
      await twice(() => {
        status = 200;
      }),
    ).toBe(1);
    expect(
      await twice(() => {
        status = 500;
      }),
    ).toBe(1);
    status = 200;
    containers = [{ State: 'running' }];
    expect(await twice()).toBe(1);
  });

  it('stay when a mount was asked for or made in between', async () => {
    expect(await twice(() => leaks.mounted('v'))).toBe(1);
    expect(
      await twice(async () => {
        await volumes.mount('v', { holder: X });
        await volumes.unmount('v', { holder: X });
      }),
    ).toBe(1);
  });

  it('stay when a mount comes between the question and the drop', async () => {
    await leaks.round();
    now += PROOF_MS;
    const release = volumes.holders.release.bind(volumes.holders);
    let done = false;
    (volumes.holders as { release: unknown }).release = async (...a: Parameters<typeof release>) => {
      if (a[2]?.idle === 'drop' && !done) {
        done = true;
        await volumes.mount('v', { holder: X });
      }
      return release(...a);
    };
    await leaks.round();
    expect(done).toBe(true);
    expect((await volumes.holders.list())[0]?.count).toBe(3);
    expect(rex.machine.mounts.size).toBe(1);
  });

  it('stay while another mount namespace has it, although the engine knows nothing', async () => {
    const held = rex.machine.use('/volumes/v', 'mount', 'nginx');
    expect(await twice()).toBe(1);
    expect(log.join('\n')).toContain('nginx');
    held[Symbol.dispose]();
    expect(await twice()).toBe(0);
  });

  it('Podman’s, dvdcli’s and a person’s are never touched', async () => {
    await volumes.holders.release('v', X);
    for (const holder of [PODMAN, 'dvdcli', 'cli']) await volumes.mount('v', { holder });
    expect(await twice()).toBe(3);
    await volumes.mount('v', { holder: X });
    expect(await twice()).toBe(3);
  });
});
