/** S12 on the real VirtualBox: our own process ended at each step, over both transports. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DriverVolume } from '@rexray/core';
import { Cleanup, FROM_SOURCES, NODE24, VirtualBox, virtualboxSuite } from '@rexray/rig';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { VirtualBoxDriver } from '../src/driver.ts';
import type { ChildOrders } from './life-child.ts';
import { ctxOf, driverOn, factsOf, removeAll, specOf, WISH } from './world.ts';

const CHILD = fileURLToPath(new URL('./life-child.ts', import.meta.url));

virtualboxSuite('kills on the real VirtualBox', () => {
  const cleanup = new Cleanup();
  let vb: VirtualBox;
  const open: VirtualBoxDriver[] = [];
  const driver = (): VirtualBoxDriver => {
    const d = driverOn(vb, 'soap', { localMachineNameOrId: 'one' });
    open.push(d);
    return d;
  };
  beforeAll(async () => {
    vb = await VirtualBox.start(cleanup);
    await vb.addMachine('one', { ports: 1 });
  });
  afterAll(() => cleanup.run());
  afterEach(async () => {
    for (const d of open.splice(0)) await d.close();
    await removeAll(vb, '/srv/volumes/');
  });
  const made = async (d: VirtualBoxDriver, name: string): Promise<DriverVolume> => d.create(name, specOf(), ctxOf());

  // At each call of the verb: what it had done is finished or undone at the next start, and nothing stays locked or stuck.
  for (const op of ['attach', 'detach'] as const) {
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      it(`S12: ${signal} of ourselves at each step of ${op}`, async () => {
        const d = driver();
        const node = await d.whoami(factsOf({ nodeId: 'parent' }), ctxOf());
        let steps = 0;
        for (let stopAt = 1; ; stopAt++) {
          const v = await made(d, `${op}-${signal.toLowerCase()}-${stopAt}`);
          if (op === 'detach') await d.attach(v.id, node, WISH, ctxOf());
          const said = await child({ op, stopAt, signal, volume: v.id, nodeId: 'child' }, vb);
          // Told to end, the process has let go of the machine before it did; killed, the next start does it.
          if (signal === 'SIGTERM') expect(await vb.isLocked('one'), `locked after ${said}`).toBe(false);
          const next = driver();
          await next.whoami(factsOf({ nodeId: 'child' }), ctxOf());
          if (signal === 'SIGKILL') expect(await vb.isLocked('one'), `locked after ${said}`).toBe(false);
          const now = (await next.get(v.id, ctxOf())).attachments.length === 1;
          expect(now, `stuck after ${said}`).toBe([...(await vb.disksOf('one')).values()].includes(v.id));
          await next.detach(v.id, node, { force: false }, ctxOf());
          await next.sweep(node, 'boot-1', ctxOf());
          await next.remove(v.id, ctxOf());
          const left = (await vb.manage('getextradata', 'global', 'enumerate')).match(
            /rexray\/(intent|[^ ,]*lock)[^,]*/g,
          );
          expect(left, `left after ${said}`).toBeNull();
          await next.close();
          if (said.includes('done')) break;
          steps = stopAt;
        }
        console.log(`${op}, ${signal}: ${steps} steps`);
        expect(steps).toBeGreaterThan(5);
      }, 400_000);
    }
  }

  for (const op of ['attach', 'detach'] as const) {
    it(`S12: SIGKILL of ourselves before each VBoxManage that changes something, ${op}`, async () => {
      const d = driver();
      const node = await d.whoami(factsOf({ nodeId: 'parent' }), ctxOf());
      const dir = cleanup.tempDir();
      let steps = 0;
      for (let stopAt = 1; ; stopAt++) {
        const v = await made(d, `cli-${op}-${stopAt}`);
        if (op === 'detach') await d.attach(v.id, node, WISH, ctxOf());
        const vboxManage = stopper(dir, vb.vboxManage, stopAt);
        const said = await child({ op, stopAt: 0, signal: 'SIGKILL', volume: v.id, nodeId: 'child', vboxManage }, vb);
        // VBoxManage goes on without us, and ends.
        for (const until = performance.now() + 20_000; await vb.isLocked('one'); ) {
          expect(performance.now(), `locked after step ${stopAt}`).toBeLessThan(until);
        }
        const next = driverOn(vb, 'cli', { localMachineNameOrId: 'one' });
        await next.whoami(factsOf({ nodeId: 'child' }), ctxOf());
        const now = (await next.get(v.id, ctxOf())).attachments.length === 1;
        expect(now, `stuck after step ${stopAt}`).toBe([...(await vb.disksOf('one')).values()].includes(v.id));
        await next.sweep(node, 'boot-1', ctxOf());
        await next.detach(v.id, node, { force: false }, ctxOf());
        await next.remove(v.id, ctxOf());
        const left = (await vb.manage('getextradata', 'global', 'enumerate')).match(/rexray\/[^ ,]*lock[^,]*/g);
        expect(left, `left after step ${stopAt}`).toBeNull();
        if (said.includes('done')) break;
        steps = stopAt;
      }
      console.log(`${op}, VBoxManage: ${steps} steps`);
      expect(steps).toBeGreaterThan(0);
    }, 400_000);
  }

  function child(o: Omit<ChildOrders, 'endpoint' | 'volumePath' | 'machine'>, on: VirtualBox): Promise<string> {
    const orders: ChildOrders = { ...o, endpoint: on.endpoint, volumePath: '/srv/volumes', machine: 'one' };
    const p = spawn(NODE24, [...FROM_SOURCES, CHILD, JSON.stringify(orders)], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    p.stdout.on('data', (c: Buffer) => {
      said += c.toString();
    });
    return new Promise((resolve) => p.once('close', () => resolve(said.trim().split('\n').slice(-3).join(', '))));
  }
});

/** A VBoxManage that kills who called it, before it does what it was asked for the n-th time to change something. */
function stopper(dir: string, program: string, stopAt: number): string {
  const [path, count] = [join(dir, `stop-${stopAt}`), join(dir, `count-${stopAt}`)];
  const script = `#!/bin/sh
case "$1" in
setextradata | storageattach | storagectl | modifymedium)
  echo x >>'${count}'
  [ "$(wc -l <'${count}')" != ${stopAt} ] || kill -9 $PPID
  ;;
esac
exec '${program}' "$@"
`;
  writeFileSync(path, script, { mode: 0o755 });
  return path;
}
