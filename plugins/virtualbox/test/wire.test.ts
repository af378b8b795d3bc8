/** What needs no VirtualBox: the wire, names, what broken answers mean. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { silentLogger } from '@rexray/core';
import { Cleanup } from '@rexray/rig';
import { afterEach, describe, expect, it } from 'vitest';
import { VirtualBoxDriver } from '../src/driver.ts';
import { classify, failed } from '../src/errors.ts';
import { byIdOf, Folder, fileOf, shownName } from '../src/names.ts';
import { marked, markOf, type VolumeNote } from '../src/notes.ts';
import { answer, envelope } from '../src/soap/envelope.ts';
import { address } from '../src/soap/post.ts';
import { failing } from './failing.ts';
import { BARE_FAULT, fakeHost, forgotten } from './fake-host.ts';
import { ctxOf } from './world.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const c of cleanups.splice(0).reverse()) await c();
});

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

function driverOn(port: number, o: object = {}): VirtualBoxDriver {
  const d = new VirtualBoxDriver(
    { endpoint: `http://127.0.0.1:${port}`, volumePath: '/v', ...o },
    silentLogger,
    '/nonexistent',
  );
  cleanups.push(() => d.close());
  return d;
}
