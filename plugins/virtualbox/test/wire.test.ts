/** What needs no VirtualBox: the wire, names, what broken answers mean; and, with a labelled fake, a machine that runs. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isVolumeError, silentLogger } from '@rexray/core';
import { Cleanup } from '@rexray/rig';
import { afterEach, describe, expect, it } from 'vitest';
import { allDisks, allNotes, machineOf, takenSlots } from '../src/cli/parse.ts';
import { failure } from '../src/cli/run.ts';
import { withDefaults } from '../src/config.ts';
import { VirtualBoxDriver } from '../src/driver.ts';
import { classify, failed } from '../src/errors.ts';
import { Maker } from '../src/maker.ts';
import { byIdOf, Folder, fileOf, shownName } from '../src/names.ts';
import { whoami } from '../src/nodes.ts';
import { marked, markOf, type VolumeNote } from '../src/notes.ts';
import { SoapClient } from '../src/soap/client.ts';
import { answer, envelope } from '../src/soap/envelope.ts';
import { address } from '../src/soap/post.ts';
import { type Answers, BARE_FAULT, fakeHost, forgotten, runtimeFault } from './fake-host.ts';
import { ctxOf, factsOf } from './world.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const c of cleanups.splice(0).reverse()) await c();
});

async function failing(p: Promise<unknown>): Promise<{ code: string | undefined; message: string; hint: string }> {
  try {
    await p;
  } catch (e) {
    const code = isVolumeError(e) ? e.code : classify(e);
    return { code, message: (e as Error).message, hint: isVolumeError(e) ? (e.hint ?? '') : '' };
  }
  return { code: 'it succeeded', message: '', hint: '' };
}

describe('names', () => {
  it('a disk is known by both halves of its uuid, the second as a little-endian number', () => {
    expect(byIdOf('938DCA77-1111-2222-3333-44440F21B4C3')).toBe('ata-VBOX_HARDDISK_VB938dca77-c3b4210f');
    expect(byIdOf('00000001-0000-0000-0000-000001000000')).toBe('ata-VBOX_HARDDISK_VB00000001-00000001');
  });
  it('file names are the volumes’, but for those that Windows keeps for devices', () => {
    expect([fileOf('data', 'VDI'), fileOf('con', 'VMDK'), fileOf('COM1.x', 'VDI'), fileOf('console', 'VDI')]).toEqual([
      'data.vdi',
      '_con.vmdk',
      '_COM1.x.vdi',
      'console.vdi',
    ]);
    expect(shownName('/a/b.c/vol.vmdk')).toBe('vol');
    expect(shownName('C:\\Users\\x\\vol.vdi')).toBe('vol');
  });
  it('a folder knows what is below it, on Windows too, and refuses what is no absolute path', () => {
    const unix = new Folder('/srv/volumes/');
    expect([unix.at('a', 'b'), unix.relative('/srv/volumes/x.vdi'), unix.relative('/srv/volumes2/x.vdi')]).toEqual([
      '/srv/volumes/a/b',
      'x.vdi',
      undefined,
    ]);
    expect(new Folder('C:\\V').relative('c:\\v\\x.vdi')).toBe('x.vdi');
    for (const bad of ['', 'volumes', '/srv/../etc', '$HOME/x']) expect(() => new Folder(bad)).toThrow(/volumePath/);
  });
  it('a mark is read back only where the disk lies that it was made for', () => {
    const note: VolumeNote = {
      kind: 'volume',
      name: 'data',
      file: 'data.vdi',
      format: 'VDI',
      fixed: false,
      createdAt: '2026-01-01T00:00:00Z',
      record: { revision: '1', format: { state: 'none' }, hints: {}, labels: { a: 'ü "<&>"\n' }, owner: {} },
    };
    const text = marked(note, 'place');
    expect(text).toMatch(/^REX-Ray volume "data" \{[ -~]*\}$/);
    expect(markOf(text, 'data.vdi', 'place')).toEqual(note);
    expect(markOf(text, 'copy.vdi', 'place')).toBeUndefined();
    expect(markOf(text, 'data.vdi', 'another')).toBeUndefined();
    expect(markOf('my boot disk', 'data.vdi', 'place')).toBeUndefined();
    expect(markOf('REX-Ray volume "x" {}', 'data.vdi', 'place')).toBeUndefined();
  });
});

describe('the wire', () => {
  it('values go and come as they are', () => {
    const tricky = ' <a> & "b" \r\n 007 ü ';
    const sent = envelope('M', { x: tricky, many: ['1', '2'] });
    expect(sent).toContain('<many>1</many><many>2</many>');
    const inner = /<x>(.*)<\/x>/s.exec(sent)?.[1] ?? '';
    const back = answer(
      `<e:Envelope xmlns:e="s"><e:Body><v:MResponse xmlns:v="v"><returnval>${inner}</returnval></v:MResponse></e:Body></e:Envelope>`,
      'M',
    );
    expect(back.reply?.text()).toBe(tricky);
    expect(() => envelope('M', { x: 'a\u0001b' })).toThrow(/control/);
  });
  it('empty answers, lists and structures', () => {
    const of = (xml: string) => answer(`<E:Envelope xmlns:E="e"><E:Body>${xml}</E:Body></E:Envelope>`, 'M').reply;
    expect(of('<MResponse></MResponse>')?.texts()).toEqual([]);
    expect(of('<MResponse><returnval/></MResponse>')?.text()).toBe('');
    expect(of('<MResponse><returnval>1</returnval><returnval>2</returnval></MResponse>')?.texts()).toEqual(['1', '2']);
    expect(
      of('<MResponse><returnval><port>4</port><type>HardDisk</type></returnval></MResponse>')?.structures(),
    ).toEqual([{ port: '4', type: 'HardDisk' }]);
  });
  it('results of the API become codes, signed or not, by text where it says more', () => {
    const codes = (result: number, text = 'x'): unknown => classify(failed(result, text));
    expect(codes(-2135228409)).toBe('busy');
    expect(codes(0x80bb000c)).toBe('in_use');
    expect(codes(-2147467260)).toBe('unavailable');
    expect(codes(0x80bb0004, 'could not create new file (VERR_ALREADY_EXISTS)')).toBe('already_exists');
    expect(codes(0x80bb0004, 'write error (VERR_DISK_FULL)')).toBe('exhausted');
    expect(codes(0x12345678)).toBe('internal');
    expect(failed(-2135228412, 'VirtualBox error: apirc=0x80bb0004 The given path\n is odd (0x80bb0004)').message).toBe(
      'The given path is odd (0x80bb0004)',
    );
  });
  it('what is no vboxwebsrv is told as such', async () => {
    expect(() => answer('<html>hello</html>', 'M')).toThrow(/not one of vboxwebsrv/);
    expect(() => answer('', 'M')).toThrow(/not one of vboxwebsrv/);
  });
  it('addresses: scheme and port may be left out, TLS is asked for', () => {
    const at = (endpoint: string, tls = false): string => address({ endpoint, tls }).href;
    expect(at('10.0.2.2')).toBe('http://10.0.2.2:18083/');
    expect(at('host:1')).toBe('http://host:1/');
    expect(at('http://host:18083', true)).toBe('https://host:18083/');
    expect(() => at('ftp://x')).toThrow(/endpoint/);
  });
  it('a logon that is answered with nothing, and one that is refused after it was accepted, are a VBoxSVC that has ended', async () => {
    const said: string[] = [''];
    const host = await fakeHost((m) => (m === 'IWebsessionManager_logon' ? (said.at(-1) ?? '') : forgotten('x')));
    cleanups.push(() => host.close());
    const d = driverOn(host.port);
    expect(await failing(d.list({}, ctxOf()))).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('VBoxSVC'),
    });
    const refusing = await fakeHost(() => BARE_FAULT);
    cleanups.push(() => refusing.close());
    expect(await failing(driverOn(refusing.port).list({}, ctxOf()))).toMatchObject({
      code: 'unauthenticated',
      message: expect.stringContaining('virtualbox.password'),
    });
    let logons = 0;
    const dying = await fakeHost((m) => {
      if (m !== 'IWebsessionManager_logon') return forgotten('x');
      logons += 1;
      return logons === 1 ? 'vb-1' : BARE_FAULT;
    });
    cleanups.push(() => dying.close());
    expect(await failing(driverOn(dying.port).list({}, ctxOf()))).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('accepted before'),
    });
  });
  it('nobody there, and nobody who answers in time', async () => {
    const none = await failing(driverOn(1).list({}, ctxOf()));
    expect(none).toMatchObject({ code: 'unavailable', message: expect.stringContaining('does not answer') });
    const silent = await import('node:net').then(({ createServer }) => createServer(() => undefined));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', () => resolve()));
    const a = silent.address();
    const d = driverOn(typeof a === 'object' && a !== null ? a.port : 0, { requestTimeout: '200ms' });
    expect(await failing(d.list({}, ctxOf()))).toMatchObject({ code: 'timeout' });
    await new Promise<void>((resolve) => {
      silent.close(() => resolve());
      void d.close();
      setTimeout(resolve, 500);
    });
  });
  it('TLS: a certificate is verified, by an authority that is named, or not at all where that is written', async () => {
    const cleanup = new Cleanup();
    cleanups.push(() => cleanup.run());
    const dir = cleanup.tempDir();
    const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-keyout',
        key,
        '-out',
        cert,
        '-days',
        '2',
        '-subj',
        '/CN=localhost',
        '-addext',
        'subjectAltName=DNS:localhost',
      ],
      { stdio: 'ignore' },
    );
    const tls = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
    const host = await fakeHost(() => BARE_FAULT, tls);
    cleanups.push(() => host.close());
    const ask = (o: object): Promise<{ code: string | undefined; message: string }> =>
      failing(driverOn(host.port, { endpoint: `http://localhost:${host.port}`, tls: true, ...o }).list({}, ctxOf()));
    expect(await ask({})).toMatchObject({ code: 'unauthenticated', message: expect.stringContaining('not trusted') });
    expect(host.asked).toEqual([]);
    expect((await ask({ tlsCAFile: cert })).message).toContain('refused the logon');
    expect((await ask({ tlsInsecure: true })).message).toContain('refused the logon');
  });
});

describe('which machine this is', () => {
  const machines = [
    { id: 'id-a', name: 'a', macs: ['080027AABBCC'] },
    { id: 'id-b', name: 'b', macs: ['080027000001', '080027000002'] },
    { id: 'id-c', name: 'clone of b', macs: ['080027000002'] },
  ];
  const client = {
    machines: async () => machines,
    machine: async (n: string) => machines.find((m) => m.name === n || m.id === n),
  } as never;
  const who = (macs: string[], configured = ''): Promise<string> =>
    whoami(client, configured, factsOf({ macs }), ctxOf());
  it('by name, by id, by an address that one machine has', async () => {
    expect(await who([], 'b')).toBe('id-b');
    expect(await who([], 'id-c')).toBe('id-c');
    expect(await who(['02:42:ac:11:00:02', '08:00:27:aa:bb:cc'])).toBe('id-a');
  });
  it('never guesses: an address of two machines names both, none says what to set', async () => {
    const two = await failing(who(['08:00:27:00:00:02']));
    expect(two.message).toMatch(/"b" \(id-b, .*"clone of b" \(id-c/);
    expect(two.hint).toContain('localMachineNameOrId');
    expect((await failing(who(['08:00:27:ff:ff:ff']))).hint).toContain('localMachineNameOrId');
    expect((await failing(who([], 'B'))).code).toBe('not_found');
  });
});

describe('what VBoxManage prints', () => {
  const disks = `WARNING: The vboxdrv kernel module is not loaded.
UUID:           11111111-1111-1111-1111-111111111111
Parent UUID:    base
State:          locked write
Description:    REX-Ray volume "a" {"x":"y: z"}
Type:           normal (base)
Location:       /srv/a.vdi
Storage format: VDI
Capacity:       64 MBytes
Property:       AllocationBlockSize=1048576
                Other: thing=1
Child UUIDs:    22222222-2222-2222-2222-222222222222

UUID:           22222222-2222-2222-2222-222222222222
Parent UUID:    11111111-1111-1111-1111-111111111111
State:          created
Location:       /srv/Snapshots/{2}.vdi
Storage format: VDI
Capacity:       64 MBytes
In use by VMs:  vm 1 (UUID: aaaaaaaa-0000-0000-0000-000000000001) [s1 (UUID: bbbbbbbb-0000-0000-0000-000000000001)]
`;
  it('disks: differences count for their base', () => {
    const all = allDisks(disks);
    expect(all).toHaveLength(1);
    expect(all[0]).toMatchObject({
      location: '/srv/a.vdi',
      sizeBytes: 64 << 20,
      description: 'REX-Ray volume "a" {"x":"y: z"}',
    });
    expect(all[0]?.machines).toContain('aaaaaaaa-0000-0000-0000-000000000001');
  });
  it('machines, their places and notes', () => {
    const info = `name="a \\"b\\""\nUUID="ID-1"\nVMState="running"\nstoragecontrollername0="S-A"\nstoragecontrollertype0="IntelAhci"\nstoragecontrollermaxportcount0="30"\nstoragecontrollerportcount0="2"\n"S-A-0-0"="none"\n"S-A-1-0"="/srv/x.vdi"\n"S-A-ImageUUID-1-0"="X"\nnic1="nat"\nmacaddress1="080027aabbcc"\nnic2="none"\nmacaddress2="080027000000"\n`;
    expect(machineOf(info)).toMatchObject({
      id: 'id-1',
      name: 'a "b"',
      online: true,
      macs: ['080027AABBCC'],
      controllers: [{ name: 'S-A', ports: 2, mostPorts: 30 }],
      disks: [{ controller: 'S-A', port: 1, device: 0, id: 'x' }],
    });
    expect(takenSlots(info, 'S-A')).toEqual([{ controller: 'S-A', port: 1, device: 0 }]);
    expect([...allNotes('Key: GUI/x, Value: 1\nKey: rexray/a, Value: {"b": "c, Value: d"}\n', 'rexray/')]).toEqual([
      ['rexray/a', '{"b": "c, Value: d"}'],
    ]);
  });
  it('errors, with and without a number', () => {
    const said = `0%...\nVBoxManage: error: The machine 'x' is already locked for a session (or being unlocked)\nVBoxManage: error: Details: code VBOX_E_INVALID_OBJECT_STATE (0x80bb0007), component MachineWrap\nVBoxManage: error: Context: "LockMachine"\n`;
    expect(classify(failure(said, ['x'], 1))).toBe('busy');
    expect(failure(said, ['x'], 1).message).toContain('already locked');
    expect(classify(failure("VBoxManage: error: Could not find a controller named 'x'\n", ['x'], 1))).toBe('not_found');
    expect(
      classify(
        failure(
          'VBoxManage: error: Failed to create the VirtualBox object!\nVBoxManage: error: Code NS_ERROR_FACTORY_NOT_REGISTERED (0x80040154) - x\nVBoxManage: error: Most likely, the VirtualBox COM server is not running\n',
          ['x'],
          1,
        ),
      ),
    ).toBe('unavailable');
  });
  it('a program that is not there', async () => {
    const d = new VirtualBoxDriver(
      { transport: 'cli', vboxManagePath: '/nonexistent/VBoxManage', volumePath: '/v' },
      silentLogger,
      '/nonexistent',
    );
    expect(await failing(d.list({}, ctxOf()))).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('vboxManagePath'),
    });
  });
});

// A fake of one answer: no machine runs without VirtualBox's kernel module.
describe('FAKE of lockMachine(Shared): a machine that runs', () => {
  const attached: string[] = [];
  const notes = new Map<string, string>();
  const running: Answers = (method, args) => {
    switch (method) {
      case 'IWebsessionManager_logon':
        return 'vb';
      case 'IWebsessionManager_getSessionObject':
        return 'session';
      case 'IVirtualBox_findMachine':
        return 'machine';
      case 'IVirtualBox_openMedium':
        return 'medium';
      case 'IMachine_getId':
        return 'id';
      case 'IMachine_getState':
        return 'Running';
      case 'IVirtualBox_getExtraDataKeys':
        return [...notes.keys()];
      case 'IVirtualBox_getExtraData':
        return notes.get(args.key ?? '') ?? '';
      case 'IVirtualBox_setExtraData':
        if (args.value === '') notes.delete(args.key ?? '');
        else notes.set(args.key ?? '', args.value ?? '');
        return [];
      case 'IMachine_lockMachine':
        return args.lockType === 'Shared'
          ? []
          : runtimeFault(0x80bb0007, 'The machine is already locked for a session');
      case 'ISession_getMachine':
        return 'mutable';
      case 'IMachine_getMediumAttachments':
        return attached.map(
          (p) =>
            `<medium>other</medium><controller>SATA</controller><port>${p}</port><device>0</device><type>HardDisk</type>`,
        );
      case 'IMedium_getBase':
        return 'other';
      case 'IMachine_getStorageControllers':
        return ['c'];
      case 'IStorageController_getName':
        return 'SATA';
      case 'IStorageController_getBus':
        return 'SATA';
      case 'IStorageController_getPortCount':
        return '2';
      case 'IStorageController_getMaxPortCount':
        return '30';
      case 'IStorageController_getMaxDevicesPerPortCount':
        return '1';
      default:
        return [];
    }
  };
  it('is locked shared, plugged in a free port, and saved; what only a machine that is off can have is not tried', async () => {
    const host = await fakeHost(running);
    cleanups.push(() => host.close());
    attached.splice(0, attached.length, '0');
    const client = new SoapClient(
      withDefaults({ endpoint: `http://127.0.0.1:${host.port}`, volumePath: '/v' }),
      new Maker(),
    );
    const wish = { disk: '938dca77-1111-2222-3333-44440f21b4c3', machine: 'm', controller: 'SATA' };
    expect(await client.attach(wish, ctxOf())).toEqual({ controller: 'SATA', port: 1, device: 0 });
    const did = host.asked.filter((a) => /lock|attach|save|set(Port|Hot)/i.test(a.method)).map((a) => a.method);
    expect(did).toEqual([
      'IMachine_lockMachine',
      'IMachine_getMediumAttachments',
      'IMachine_attachDevice',
      'IMachine_saveSettings',
      'ISession_unlockMachine',
    ]);
    expect(host.asked.find((a) => a.method === 'IMachine_lockMachine')?.args.lockType).toBe('Shared');
    expect(notes.size).toBe(0);
    // Its ports cannot grow while it runs.
    attached.splice(0, attached.length, '0', '1');
    const full = await failing(client.attach(wish, ctxOf()));
    expect(full).toMatchObject({
      code: 'exhausted',
      message: expect.stringContaining('a running machine gets no more'),
    });
    expect(host.asked.filter((a) => a.method === 'ISession_unlockMachine')).toHaveLength(2);
    await client.close();
    expect(host.asked.at(-1)?.method).toBe('IWebsessionManager_logoff');
  });
});

function driverOn(port: number, o: object = {}): VirtualBoxDriver {
  const d = new VirtualBoxDriver(
    { endpoint: `http://127.0.0.1:${port}`, volumePath: '/v', ...o },
    silentLogger,
    '/nonexistent',
  );
  cleanups.push(() => d.close());
  return d;
}
