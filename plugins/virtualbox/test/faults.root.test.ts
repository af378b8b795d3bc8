/** What breaks on the real VirtualBox: its service, its web service, other programs, and many at once. */
import { type DriverVolume, isVolumeError } from '@rexray/core';
import { Cleanup, VirtualBox, virtualboxSuite } from '@rexray/rig';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { VirtualBoxDriver } from '../src/driver.ts';
import { classify } from '../src/errors.ts';
import { byIdOf } from '../src/names.ts';
import { ctxOf, driverOn, factsOf, removeAll, type settings, specOf, TRANSPORTS, WISH } from './world.ts';

virtualboxSuite('faults of the real VirtualBox', () => {
  const cleanup = new Cleanup();
  let vb: VirtualBox;
  const open: VirtualBoxDriver[] = [];
  const driver = (o: Parameters<typeof settings>[2] = {}): VirtualBoxDriver => {
    const d = driverOn(vb, 'soap', { localMachineNameOrId: 'one', ...o });
    open.push(d);
    return d;
  };
  beforeAll(async () => {
    vb = await VirtualBox.start(cleanup);
    await vb.addMachine('one', { ports: 1 });
    await vb.addMachine('two', { ports: 1 });
  });
  afterAll(() => cleanup.run());
  afterEach(async () => {
    for (const d of open.splice(0)) await d.close();
    await removeAll(vb, '/srv/volumes/').catch(async () => {
      await vb.restart();
      await removeAll(vb, '/srv/volumes/');
    });
  });
  const made = async (d: VirtualBoxDriver, name = 'data'): Promise<DriverVolume> => d.create(name, specOf(), ctxOf());
  const code = async (p: Promise<unknown>): Promise<{ code: string | undefined; message: string }> => {
    try {
      await p;
    } catch (e) {
      return { code: isVolumeError(e) ? e.code : classify(e), message: String((e as Error).message) };
    }
    return { code: 'it succeeded', message: '' };
  };

  it('a VBoxSVC that dies is told, and what was there before is there after', async () => {
    const d = driver();
    const node = await d.whoami(factsOf(), ctxOf());
    const v = await made(d);
    await d.attach(v.id, node, WISH, ctxOf());
    await vb.killService();
    const dead = await code(d.get(v.id, ctxOf(10_000)));
    expect(dead).toMatchObject({ code: 'unavailable' });
    const still = await code(d.list({}, ctxOf(10_000)));
    expect(still.code).toBe('unavailable');
    expect(still.message).toMatch(/VBoxSVC|vboxwebsrv/);
    await vb.restart();
    expect((await d.get(v.id, ctxOf())).attachments).toEqual([{ node, epoch: 0 }]);
    expect((await d.find('data', ctxOf()))?.record).toEqual(v.record);
    await d.detach(v.id, node, { force: false }, ctxOf());
    await d.remove(v.id, ctxOf());
    expect(await vb.isLocked('one')).toBe(false);
  });

  it('a vboxwebsrv that dies is unreachable; the next one is taken without a word', async () => {
    const d = driver();
    await d.whoami(factsOf(), ctxOf());
    const v = await made(d);
    await vb.killWeb();
    const dead = await code(d.get(v.id, ctxOf(5_000)));
    expect(dead.code).toBe('unavailable');
    expect(dead.message).toContain('does not answer');
    await vb.startWeb();
    expect((await d.get(v.id, ctxOf())).name).toBe('data');
  });

  it('a session that has expired is renewed', async () => {
    const short = new Cleanup();
    try {
      const own = await VirtualBox.start(short, { sessionSeconds: 2 });
      await own.addMachine('one');
      const d = driverOn(own, 'soap', { localMachineNameOrId: 'one' });
      await d.whoami(factsOf(), ctxOf());
      const v = await made(d);
      await new Promise((r) => setTimeout(r, 4_500));
      const all = await Promise.all(Array.from({ length: 8 }, () => d.get(v.id, ctxOf())));
      expect(new Set(all.map((x) => x.id))).toEqual(new Set([v.id]));
      await d.close();
    } finally {
      await short.run();
    }
  });

  it('a wrong password is told as one', async () => {
    const strict = new Cleanup();
    try {
      const own = await VirtualBox.start(strict, { authentication: true });
      const d = driverOn(own, 'soap', { userName: 'root', password: 'wrong' });
      const e = await code(d.list({}, ctxOf()));
      expect(e.code).toBe('unauthenticated');
      expect(e.message).toContain('virtualbox.password');
      expect(e.message).not.toContain('wrong"');
      await d.close();
    } finally {
      await strict.run();
    }
  });

  it('a disk that VirtualBox has forgotten is registered again, by its note', async () => {
    const d = driver();
    await d.whoami(factsOf(), ctxOf());
    const v = await made(d);
    await vb.manage('closemedium', 'disk', v.id);
    expect(await vb.locations()).not.toContain('/srv/volumes/data.vdi');
    expect((await d.list({}, ctxOf())).items).toMatchObject([{ id: v.id, name: 'data', record: v.record }]);
    await vb.manage('closemedium', 'disk', v.id);
    expect(await d.get(v.id, ctxOf())).toMatchObject({ id: v.id, record: v.record });
    await vb.manage('closemedium', 'disk', v.id);
    expect((await d.create('data', specOf(), ctxOf())).id).toBe(v.id);
  });

  it('a machine that somebody has locked is busy until the deadline, and gets its disk once it is free', async () => {
    const d = driver();
    const node = await d.whoami(factsOf(), ctxOf());
    const v = await made(d);
    const holder = await lockedByOther(vb, 'one');
    const busy = await code(d.attach(v.id, node, WISH, ctxOf(1_500)));
    expect(busy.code).toBe('busy');
    expect(busy.message).toContain('"one" is locked');
    const waiting = d.attach(v.id, node, WISH, ctxOf());
    await new Promise((r) => setTimeout(r, 400));
    await holder.release();
    expect(await waiting).toEqual({ kind: 'disk', match: { byId: byIdOf(v.id) } });
  });

  it('a stuck attachment of another program is told with what heals it', async () => {
    const d = driver();
    const node = await d.whoami(factsOf(), ctxOf());
    const v = await made(d);
    await attachedAndNeverSaved(vb, 'one', v.id);
    const e = await code(d.attach(v.id, node, WISH, ctxOf()));
    expect(e).toMatchObject({ code: 'in_use' });
    expect(e.message).toMatch(/VBoxSVC/);
    expect((await code(d.detach(v.id, node, { force: false }, ctxOf()))).message).toMatch(/restart vboxwebsrv/);
    await vb.restart();
    await d.attach(v.id, node, WISH, ctxOf());
  });

  it('20 at once to one machine, and to two: each gets its own port, and none is lost', async () => {
    const d = driver();
    const other = driver({ localMachineNameOrId: 'two' });
    const [a, b] = [await d.whoami(factsOf(), ctxOf()), await other.whoami(factsOf({ nodeId: 'b' }), ctxOf())];
    const volumes = await Promise.all(Array.from({ length: 20 }, (_, i) => made(d, `v${i}`)));
    await Promise.all(volumes.map((v) => d.attach(v.id, a, WISH, ctxOf(60_000))));
    const disks = await vb.disksOf('one');
    expect(new Set(disks.values())).toEqual(new Set(volumes.map((v) => v.id)));
    expect(disks.size).toBe(20);
    await Promise.all(volumes.map((v) => d.detach(v.id, a, { force: false }, ctxOf(60_000))));
    expect((await vb.disksOf('one')).size).toBe(0);
    // Two nodes, half of the volumes each, all at once.
    await Promise.all(
      volumes.map((v, i) =>
        i % 2 === 0 ? d.attach(v.id, a, WISH, ctxOf(60_000)) : other.attach(v.id, b, WISH, ctxOf(60_000)),
      ),
    );
    expect([(await vb.disksOf('one')).size, (await vb.disksOf('two')).size]).toEqual([10, 10]);
    expect([await vb.isLocked('one'), await vb.isLocked('two')]).toEqual([false, false]);
  });

  it('many nodes ask at once, and each is answered', async () => {
    const nodes = Array.from({ length: 8 }, () => driver());
    const v = await made(nodes[0] ?? driver());
    const answers = await Promise.all(
      nodes.map(async (d) => {
        for (let i = 0; i < 10; i++)
          await Promise.all([d.list({}, ctxOf()), d.get(v.id, ctxOf()), d.find('data', ctxOf())]);
        return d.calls;
      }),
    );
    expect(answers.every((calls) => calls > 100)).toBe(true);
  });

  it('a controller grows to what it can have, and then is exhausted by name', async () => {
    const d = driver();
    const node = await d.whoami(factsOf(), ctxOf());
    await vb.manage('storagectl', 'one', '--name', 'SATA', '--portcount', '1');
    const volumes = await Promise.all(Array.from({ length: 31 }, (_, i) => made(d, `v${i}`)));
    for (const v of volumes.slice(0, 30)) await d.attach(v.id, node, WISH, ctxOf());
    const e = await code(d.attach(volumes[30]?.id ?? '', node, WISH, ctxOf()));
    expect(e.code).toBe('exhausted');
    expect(e.message).toContain('SATA');
    expect((await vb.disksOf('one')).size).toBe(30);
    const none = await code(driver({ controllerName: 'NVMe' }).attach(volumes[30]?.id ?? '', node, WISH, ctxOf()));
    expect(none.code).toBe('invalid');
    expect(none.message).toContain('"SATA"');
  });

  for (const transport of TRANSPORTS) {
    it(`which machine this is, by ${transport}: by name, id, or an address that one machine alone has`, async () => {
      const [a, b] = [
        await vb.addMachine(`mac a ${transport}`, { mac: '08:00:27:aa:bb:cc' }),
        await vb.addMachine(`mac b ${transport}`, { mac: '08:00:27:00:00:02' }),
      ];
      const clone = await vb.addMachine(`clone of b ${transport}`, { mac: '08:00:27:00:00:02' });
      const who = async (macs: string[], localMachineNameOrId = ''): Promise<string> => {
        const d = driverOn(vb, transport, { localMachineNameOrId });
        open.push(d);
        return d.whoami(factsOf({ macs }), ctxOf());
      };
      expect(await who([], `mac b ${transport}`)).toBe(b);
      expect(await who([], clone)).toBe(clone);
      expect(await who(['02:42:ac:11:00:02', '08:00:27:aa:bb:cc'])).toBe(a);
      const two = await code(who(['08:00:27:00:00:02']));
      expect(two.code).toBe('denied');
      for (const name of [`mac b ${transport}`, b, `clone of b ${transport}`, clone])
        expect(two.message).toContain(name);
      expect((await code(who(['08:00:27:ff:ff:ff']))).code).toBe('not_found');
      expect((await code(who([], `MAC B ${transport}`))).code).toBe('not_found');
      // A card that is switched off says nothing.
      await vb.manage('modifyvm', `clone of b ${transport}`, '--nic1', 'none');
      expect(await who(['08:00:27:00:00:02'])).toBe(b);
      for (const m of [`mac a ${transport}`, `mac b ${transport}`, `clone of b ${transport}`])
        await vb.removeMachine(m);
    });
  }

  it('a snapshot of the machine that has the disk is told, and its difference is detached with it', async () => {
    const d = driver();
    const node = await d.whoami(factsOf(), ctxOf());
    const v = await made(d);
    await d.attach(v.id, node, WISH, ctxOf());
    await vb.manage('snapshot', 'one', 'take', 'before');
    // The machine now has a difference of the disk: it is still this volume that is attached.
    expect((await d.list({}, ctxOf())).items).toMatchObject([{ id: v.id, attachments: [{ node }] }]);
    await d.attach(v.id, node, WISH, ctxOf());
    expect((await vb.disksOf('one')).size).toBe(1);
    await d.detach(v.id, node, { force: false }, ctxOf());
    expect((await vb.disksOf('one')).size).toBe(0);
    const again = await code(d.remove(v.id, ctxOf()));
    expect(again.code).toBe('in_use');
    expect((await code(d.detach(v.id, node, { force: false }, ctxOf()))).message).toContain('snapshot');
    await vb.manage('snapshot', 'one', 'delete', 'before');
    await d.remove(v.id, ctxOf());
  });
});

/** Another client of the web service, as its own program would be: raw calls, no driver. */
async function raw(vb: VirtualBox): Promise<(method: string, inner: string) => Promise<string>> {
  return async (method, inner) => {
    const body = `<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:v="http://www.virtualbox.org/"><s:Body><v:${method}>${inner}</v:${method}></s:Body></s:Envelope>`;
    const r = await fetch(vb.endpoint, { method: 'POST', headers: { 'content-type': 'text/xml' }, body });
    return /<returnval>([^<]*)<\/returnval>/.exec(await r.text())?.[1] ?? '';
  };
}

async function locked(vb: VirtualBox, machine: string) {
  const call = await raw(vb);
  const vbox = await call('IWebsessionManager_logon', '<username>x</username><password>y</password>');
  const session = await call('IWebsessionManager_getSessionObject', `<refIVirtualBox>${vbox}</refIVirtualBox>`);
  const m = await call('IVirtualBox_findMachine', `<_this>${vbox}</_this><nameOrId>${machine}</nameOrId>`);
  await call('IMachine_lockMachine', `<_this>${m}</_this><session>${session}</session><lockType>Write</lockType>`);
  const mutable = await call('ISession_getMachine', `<_this>${session}</_this>`);
  const release = async (): Promise<void> => {
    await call('ISession_unlockMachine', `<_this>${session}</_this>`);
    await call('IWebsessionManager_logoff', `<refIVirtualBox>${vbox}</refIVirtualBox>`);
  };
  return { call, vbox, mutable, release };
}

async function lockedByOther(vb: VirtualBox, machine: string): Promise<{ release(): Promise<void> }> {
  return locked(vb, machine);
}

async function attachedAndNeverSaved(vb: VirtualBox, machine: string, id: string): Promise<void> {
  const l = await locked(vb, machine);
  const medium = await l.call(
    'IVirtualBox_openMedium',
    `<_this>${l.vbox}</_this><location>${id}</location><deviceType>HardDisk</deviceType><accessMode>ReadWrite</accessMode><forceNewUuid>false</forceNewUuid>`,
  );
  const place = '<name>SATA</name><controllerPort>0</controllerPort><device>0</device>';
  await l.call(
    'IMachine_attachDevice',
    `<_this>${l.mutable}</_this>${place}<type>HardDisk</type><medium>${medium}</medium>`,
  );
  await l.release();
}
