/** What the suites of this driver share: a VirtualBox of their own, and drivers on it. */
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { StorageWorld } from '@rexray/conformance';
import {
  type AttachOptions,
  type Ctx,
  emptyRecord,
  mib,
  type NodeFacts,
  silentLogger,
  type VolumeSpec,
} from '@rexray/core';
import type { VirtualBox } from '@rexray/rig';
import { type VirtualBoxConfig, type VirtualBoxParams, withDefaults } from '../src/config.ts';
import { VirtualBoxDriver } from '../src/driver.ts';
import { Maker } from '../src/maker.ts';
import { SoapClient } from '../src/soap/client.ts';
import { readVdi, writeVdi } from './vdi.ts';

export type Transport = VirtualBoxConfig['transport'];
export const TRANSPORTS: readonly Transport[] = ['soap', 'cli'];

export const ctxOf = (ms = 30_000, signal?: AbortSignal): Ctx => ({
  signal: signal ?? AbortSignal.timeout(ms),
  deadline: performance.now() + ms,
  requestId: 'test',
  progress() {},
});

export const factsOf = (o: Partial<NodeFacts> = {}): NodeFacts => ({
  nodeId: 'node-a',
  hostname: 'a',
  bootId: 'boot-1',
  macs: [],
  ...o,
});

export const specOf = (o: Partial<VolumeSpec<VirtualBoxParams>> = {}): VolumeSpec<VirtualBoxParams> => ({
  sizeBytes: mib(64),
  record: emptyRecord({ state: 'blank', fsType: 'ext4' }),
  params: {},
  asked: [],
  ...o,
});

export const WISH: AttachOptions = { force: false, readonly: false, bootId: 'boot-1' };

export const settings = (
  vb: VirtualBox,
  transport: Transport,
  o: Partial<VirtualBoxConfig> = {},
): Partial<VirtualBoxConfig> => ({
  transport,
  endpoint: vb.endpoint,
  vboxManagePath: vb.vboxManage,
  volumePath: '/srv/volumes',
  ...o,
});

export const driverOn = (vb: VirtualBox, transport: Transport, o: Partial<VirtualBoxConfig> = {}): VirtualBoxDriver =>
  new VirtualBoxDriver(settings(vb, transport, o), silentLogger, join(vb.root, '..', 'locks'));

let worlds = 0;
const PATIENCE = 60_000;

/** Machines that the rules of one VirtualBox take in turns: to make one takes longer than most rules. */
const pools = new WeakMap<VirtualBox, string[]>();

/** A directory for one rule, and machines, on a VirtualBox that all rules share. */
export async function world(vb: VirtualBox, transport: Transport): Promise<StorageWorld<VirtualBoxParams>> {
  worlds += 1;
  const name = `${transport}-${worlds}`;
  const volumePath = `/srv/${name}/volumes`;
  mkdirSync(vb.outside(volumePath), { recursive: true });
  const open: VirtualBoxDriver[] = [];
  const machines: string[] = [];
  const on = (machine: string): VirtualBoxDriver => {
    const d = driverOn(vb, transport, { volumePath, localMachineNameOrId: machine });
    open.push(d);
    return d;
  };
  const machine = async (): Promise<string> => {
    const pool = pools.get(vb) ?? [];
    pools.set(vb, pool);
    const n = machines.length;
    const known = pool[n] ?? `pool-${n}`;
    if (pool[n] === undefined) {
      await vb.addMachine(known, { ports: 2 });
      pool[n] = known;
    }
    machines.push(known);
    return known;
  };
  const first = await machine();
  const facts = { nodeId: `node-${name}` };
  const disk = async (file: string): Promise<string> => {
    await vb.manage('createmedium', 'disk', '--filename', `${volumePath}/${file}`, '--size', '8', '--format', 'VDI');
    return vb.outside(`${volumePath}/${file}`);
  };
  return {
    driver: on(first),
    facts,
    another: async () => ({ driver: on(await machine()), facts: { nodeId: `other-${name}` } }),
    reopen: async () => ({ driver: on(first), facts }),
    content: {
      write: async (id, text) => writeVdi(await fileOf(id), text),
      read: async (id) => readVdi(await fileOf(id)),
    },
    async foreign() {
      const file = await disk('theirs.vdi');
      return { name: 'theirs', intact: async () => existsSync(file) };
    },
    ...(transport === 'cli' && {
      // What a process leaves that was killed between making a disk and marking it.
      async halfMade(node: string, bootId: string) {
        const maker = new Maker();
        maker.is((await isOurs(node)) ? facts.nodeId : node, bootId);
        const file = await disk('half.vdi');
        const intent = JSON.stringify({ maker: maker.token, location: `${volumePath}/half.vdi` });
        await vb.manage('setextradata', 'global', `rexray/making/${randomUUID()}`, intent);
        return { exists: async () => existsSync(file) };
      },
    }),
    async lose() {
      const [here, away] = [vb.outside(`/srv/${name}/volumes`), vb.outside(`/srv/${name}/away`)];
      renameSync(here, away);
      return async () => {
        rmSync(here, { recursive: true, force: true });
        renameSync(away, here);
      };
    },
    async close() {
      for (const d of open) await d.close();
      await removeAll(vb, `/srv/${name}/`);
      rmSync(vb.outside(`/srv/${name}`), { recursive: true, force: true });
    },
  };

  async function fileOf(id: string): Promise<string> {
    const v = await (open[0] ?? on(first)).get(id, ctxOf());
    return vb.outside(String(v.status?.location));
  }

  async function isOurs(node: string): Promise<boolean> {
    return (await vb.manage('showvminfo', first, '--machinereadable')).includes(`UUID="${node}"`);
  }
}

/** Takes every disk below a directory off all machines, and deletes it; by the web service, which is many times faster. */
export async function removeAll(vb: VirtualBox, below: string): Promise<void> {
  const client = new SoapClient(withDefaults(settings(vb, 'soap')), new Maker());
  const p = ctxOf(PATIENCE);
  const survey = await client.survey(p);
  for (const id of survey.disks) {
    if (!(await survey.location(id)).startsWith(below)) continue;
    for (const machine of (await client.disk(id, p))?.machines ?? []) await client.detach({ disk: id, machine }, p);
    await client.remove(id, p);
  }
  await client.close();
}
