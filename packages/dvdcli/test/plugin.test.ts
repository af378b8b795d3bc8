import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createRawServer } from 'node:net';
import { dirname, join } from 'node:path';
import { Cleanup, hasRuntime, missing, RUNTIMES } from '@rexray/rig';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bundleOn, Dvdcli, surroundings } from './program.ts';
import { Stranger, type StrangerOptions } from './stranger.ts';

let cleanup: Cleanup;
let around: ReturnType<typeof surroundings>;
let dvdcli: Dvdcli;
beforeEach(() => {
  cleanup = new Cleanup();
  around = surroundings(cleanup);
  dvdcli = new Dvdcli(bundleOn(), around.env);
});
afterEach(() => cleanup.run());

/** A stranger's plugin at an address below the discovery directories. */
async function stranger(
  o: Partial<StrangerOptions> = {},
  path = join(around.sockets, 'theirs.sock'),
): Promise<Stranger> {
  const s = new Stranger({ root: join(around.dir, 'volumes'), ...o });
  mkdirSync(dirname(path), { recursive: true });
  await s.listen(path);
  cleanup.add(() => s.close());
  return s;
}
const volume = (name: string): string => join(around.dir, 'volumes', name, 'data');
const on = (driver = 'theirs'): string => `--volumedriver=${driver}`;

describe("a stranger's plugin", () => {
  it('mount makes what is absent and prints the path alone; the calls are those of the original', async () => {
    const s = await stranger();
    const r = await dvdcli.run(['mount', on(), '--volumename=a', '--volumeopts=size=5', '--volumeopts=IOPS=150,o=x=y']);
    expect(r).toMatchObject({ status: 0, out: `${volume('a')}\n`, err: '' });
    expect(s.calls[0]?.method).toBe('Plugin.Activate');
    expect(s.methods).toEqual(['Get', 'Create', 'Mount']);
    expect(s.last('Create')).toEqual({ Name: 'a', Opts: { size: '5', IOPS: '150', o: 'x=y' } });
  });

  it('S3: options reach Create only, never Mount, and an existing volume gets none', async () => {
    const s = await stranger();
    await dvdcli.run(['create', on(), '--volumename=a']);
    await dvdcli.run(['mount', on(), '--volumename=a', '--volumeopts=overwritefs=true', '--volumeopts=size=9']);
    expect(s.methods).toEqual(['Create', 'Get', 'Mount']);
    expect(s.last('Mount')).toEqual({ Name: 'a', ID: 'dvdcli' });
    expect(s.volumes.get('a')?.opts).toEqual({});
  });

  it('S19: mounts and unmounts carry the ID dvdcli', async () => {
    const s = await stranger();
    await dvdcli.run(['mount', on(), '--volumename=a']);
    await dvdcli.run(['unmount', on(), '--volumename=a']);
    expect([s.last('Mount')?.ID, s.last('Unmount')?.ID]).toEqual(['dvdcli', 'dvdcli']);
  });

  it('every command says its result alone', async () => {
    await stranger();
    const out = async (...args: string[]): Promise<[number | null, string]> => {
      const r = await dvdcli.run([...args, on()]);
      return [r.status, r.out];
    };
    expect(await out('create', '--volumename=b')).toEqual([0, '']);
    expect(await out('create', '--volumename=a')).toEqual([0, '']);
    expect(await out('list')).toEqual([0, 'b\na\n']);
    expect(await out('get', '--volumename=a')).toEqual([0, 'a\n']);
    expect(await out('path', '--volumename=a')).toEqual([0, '']);
    expect(await out('mount', '--volumename=a')).toEqual([0, `${volume('a')}\n`]);
    expect(await out('path', '--volumename=a')).toEqual([0, `${volume('a')}\n`]);
    expect(await out('unmount', '--volumename=a')).toEqual([0, '']);
    expect(await out('remove', '--volumename=a')).toEqual([0, '']);
    expect(await out('list')).toEqual([0, 'b\n']);
  });

  it('--explicitcreate, in either case, makes nothing', async () => {
    const s = await stranger();
    for (const flag of ['--explicitcreate', '--explicitCreate=true']) {
      const r = await dvdcli.run(['mount', on(), '--volumename=a', flag]);
      expect(r).toMatchObject({ status: 3, out: '' });
      expect(r.err).toContain('no such volume: a');
    }
    expect(s.methods).toEqual(['Get', 'Get']);
  });

  it('unmount of what is not mounted, and of what does not exist, is success', async () => {
    const s = await stranger();
    await dvdcli.run(['create', on(), '--volumename=a']);
    expect(await dvdcli.run(['unmount', on(), '--volumename=a'])).toMatchObject({ status: 0, out: '', err: '' });
    expect(await dvdcli.run(['unmount', on(), '--volumename=never'])).toMatchObject({ status: 0, out: '', err: '' });
    expect(s.methods).toEqual(['Create', 'Get', 'Unmount', 'Get', 'Unmount']);
  });

  it('an unmount that really fails is a failure with the reason', async () => {
    await stranger({
      before: (m) => (m.endsWith('Unmount') ? { status: 500, json: { Err: 'device is busy' } } : undefined),
    });
    await dvdcli.run(['mount', on(), '--volumename=a']);
    const r = await dvdcli.run(['unmount', on(), '--volumename=a']);
    expect(r.status).toBe(1);
    expect(r.err).toContain('VolumeDriver.Unmount: device is busy');
  });

  it('remove of what does not exist is success, of what is in use a failure', async () => {
    await stranger();
    await dvdcli.run(['mount', on(), '--volumename=a']);
    expect((await dvdcli.run(['remove', on(), '--volumename=x'])).status).toBe(0);
    const r = await dvdcli.run(['remove', on(), '--volumename=a']);
    expect(r).toMatchObject({ status: 1, out: '' });
    expect(r.err).toContain('in use');
  });

  it('a volume that somebody makes between the look and the making is used', async () => {
    let first = true;
    await stranger({
      before: (m) => {
        if (!m.endsWith('Get') || !first) return undefined;
        first = false;
        return { status: 500, json: { Err: 'the storage is busy' } };
      },
    });
    await dvdcli.run(['create', on(), '--volumename=a']);
    expect(await dvdcli.run(['mount', on(), '--volumename=a'])).toMatchObject({ status: 0, out: `${volume('a')}\n` });
  });

  it.each([
    ['an error in a 200', { json: { Err: 'bad luck' } }, 'bad luck'],
    ["REX-Ray's old key", { status: 500, json: { Error: 'bad luck' } }, 'bad luck'],
    ['text', { status: 503, text: 'bad luck\n' }, 'bad luck'],
    ['no JSON in a 200', { text: '<html>' }, '<html>'],
    ['no path', { json: { Mountpoint: '', Err: '' } }, 'did not say where'],
    ['a relative path', { json: { Mountpoint: 'data' } }, 'did not say where'],
  ])('a failed mount (%s) is a failure with an empty standard output', async (_, answer, reason) => {
    await stranger({ before: (m) => (m.endsWith('Mount') && !m.endsWith('Unmount') ? answer : undefined) });
    const r = await dvdcli.run(['mount', on(), '--volumename=a']);
    expect(r).toMatchObject({ status: 1, out: '' });
    expect(r.err).toContain(reason);
    // Mesos shows it without the command.
    expect(r.err).toContain('volume "a"');
  });

  it('a plugin that is no volume driver is refused', async () => {
    await stranger({ before: () => ({ json: { Implements: ['NetworkDriver'] } }) });
    const r = await dvdcli.run(['list', on()]);
    expect(r).toMatchObject({ status: 1, out: '' });
    expect(r.err).toContain('NetworkDriver');
  });

  it('one that never answers costs the --timeout, and no more', async () => {
    await stranger({ before: (m) => (m.endsWith('Get') ? new Promise(() => {}) : undefined) });
    const r = await dvdcli.run(['get', on(), '--volumename=a', '--timeout=300ms']);
    expect(r).toMatchObject({ status: 1, out: '' });
    expect(r.err).toContain('did not answer VolumeDriver.Get');
    expect(r.ms).toBeLessThan(5_000);
  });

  it('speaks HTTP that is written otherwise: chunks, no length, 100 Continue', async () => {
    const answers = [
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{"Implements":["\r\n13;x=y\r\nVolumeDriver"],"x":\r\n2\r\n1}\r\n0\r\n\r\n',
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\nconnection: close\r\n\r\n{"Volumes":[{"Name":"ä"}],"Err":""}',
    ];
    mkdirSync(around.sockets, { recursive: true });
    const server = createRawServer((c) => c.once('data', () => c.end(answers.shift() ?? '')));
    await new Promise<void>((resolve) => server.listen(join(around.sockets, 'raw.sock'), resolve));
    cleanup.add(() => server.close());
    expect(await dvdcli.run(['list', on('raw')])).toMatchObject({ status: 0, out: 'ä\n' });
  });

  it.each(RUNTIMES.filter((r) => r.name !== 'Deno' && hasRuntime(r)))(
    'the single file runs on $name',
    async (runtime) => {
      await stranger();
      const there = new Dvdcli(bundleOn(runtime.program), around.env);
      expect(await there.run(['mount', on(), '--volumename=a'])).toMatchObject({
        status: 0,
        out: `${volume('a')}\n`,
        err: '',
      });
    },
  );
});

describe('where a plugin is found', () => {
  const lists = async (driver: string): Promise<string> => (await dvdcli.run(['list', on(driver)])).out;
  const file = (name: string, text: string): void => {
    const path = join(around.specs, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  };
  async function known(name: string, path: string): Promise<Stranger> {
    const s = await stranger({}, path);
    s.volumes.set(name, { opts: {}, mounts: 0 });
    return s;
  }

  it('sockets come before .spec, .spec before .json', async () => {
    await known('spec', join(around.dir, 'a'));
    file('x.spec', `unix://${join(around.dir, 'a')}\n`);
    file('x.json', JSON.stringify({ Addr: `unix://${join(around.dir, 'b')}` }));
    expect(await lists('x')).toBe('spec\n');
    await known('deep', join(around.sockets, 'x/x.sock'));
    expect(await lists('x')).toBe('deep\n');
    await known('socket', join(around.sockets, 'x.sock'));
    expect(await lists('x')).toBe('socket\n');
  });

  it('.json and files in a directory of the name', async () => {
    await known('json', join(around.dir, 'b'));
    file('y/y.json', JSON.stringify({ Name: 'y', Addr: `unix://${join(around.dir, 'b')}`, TLSConfig: null }));
    expect(await lists('y')).toBe('json\n');
  });

  it('tcp:// in a .spec', async () => {
    const s = new Stranger({ root: around.dir });
    await s.listen({ port: 0, host: '127.0.0.1' });
    cleanup.add(() => s.close());
    s.volumes.set('far', { opts: {}, mounts: 0 });
    file('t.spec', `tcp://127.0.0.1:${(s.server.address() as { port: number }).port}`);
    expect(await lists('t')).toBe('far\n');
  });

  it.skipIf(missing({ programs: { openssl: 'openssl' } }) !== undefined)(
    'https:// in a .json, with certificates of both sides',
    async () => {
      const pem = certificates(around.dir);
      const tls = {
        ca: readFileSync(pem.ca),
        cert: readFileSync(pem.cert),
        key: readFileSync(pem.key),
        requestCert: true,
        rejectUnauthorized: true,
      };
      const s = new Stranger({ root: around.dir }, (l) => createTlsServer(tls, l as never) as never);
      await s.listen({ port: 0, host: '127.0.0.1' });
      cleanup.add(() => s.close());
      s.volumes.set('safe', { opts: {}, mounts: 0 });
      const Addr = `https://localhost:${(s.server.address() as { port: number }).port}`;
      file('s.json', JSON.stringify({ Addr, TLSConfig: { CAFile: pem.ca, CertFile: pem.cert, KeyFile: pem.key } }));
      file('no-proof.json', JSON.stringify({ Addr, TLSConfig: { CAFile: pem.ca } }));
      file(
        'other-ca.json',
        JSON.stringify({ Addr, TLSConfig: { CAFile: pem.other, CertFile: pem.cert, KeyFile: pem.key } }),
      );
      file('unchecked.json', JSON.stringify({ Addr, TLSConfig: { CertFile: pem.cert, KeyFile: pem.key } }));
      expect(await lists('s')).toBe('safe\n');
      expect(await lists('unchecked')).toBe('safe\n');
      for (const d of ['no-proof', 'other-ca'])
        expect(await dvdcli.run(['list', on(d)])).toMatchObject({ status: 1, out: '' });
    },
  );

  it('a file without a suffix in a directory of plugins is none, and not in the way', async () => {
    await known('there', join(around.sockets, 'there.sock'));
    file('README', 'about plugins');
    writeFileSync(join(around.sockets, 'note'), '');
    for (const name of ['README', 'note']) {
      const r = await dvdcli.run(['list', on(name)]);
      expect(r).toMatchObject({ status: 3, out: '' });
      expect(r.err).toContain('Plugins: there;');
    }
  });

  it.skipIf(process.getuid?.() !== 0)('directories that this user may not read: denied, and what to do', async () => {
    await known('there', join(around.sockets, 'there.sock'));
    const { file: node, args } = bundleOn();
    for (const dir of [around.dir, dirname(args[0] ?? '')]) chmodSync(dir, 0o755);
    chmodSync(around.sockets, 0o700);
    const as = new Dvdcli({ file: 'setpriv', args: ['--reuid=65534', '--clear-groups', node, ...args] }, around.env);
    const r = await as.run(['list', on('there')]);
    expect(r).toMatchObject({ status: 1, out: '' });
    expect(r.err).toMatch(/may not look for the plugin .*EACCES.*\nhint: Run it as root/);
  });

  it.each([
    ['is not JSON', 'z.json', '{', 'z.json'],
    ['has no Addr', 'z.json', '{}', 'z.json'],
    ['has no address', 'z.spec', 'somewhere', 'z.spec'],
  ])('a file that %s is an error that names it', async (_, name, text, named) => {
    file(name, text);
    const r = await dvdcli.run(['list', on('z')]);
    expect(r.status).toBe(2);
    expect(r.err).toContain(named);
  });

  it('managed plugins: by name, by socket; the path is the one of the host', async () => {
    const id = 'ab'.repeat(32);
    const note = (Name: string, Socket: string, propagated = '/mnt/volumes'): object => ({
      plugin: {
        Name,
        Enabled: true,
        Id: id,
        Config: { PropagatedMount: propagated, Interface: { Socket, Types: ['docker.volumedriver/1.0'] } },
      },
    });
    const docker = join(around.managed, id);
    mkdirSync(docker, { recursive: true });
    writeFileSync(join(docker, 'config.json'), JSON.stringify(note('rexray/ebs:latest', 'rexray.sock')));
    await stranger(
      { before: (m) => (m.endsWith('.Mount') ? { json: { Mountpoint: '/mnt/volumes/a/data', Err: '' } } : undefined) },
      join(around.sockets, id, 'rexray.sock'),
    );
    for (const name of ['rexray/ebs', 'rexray/ebs:latest', 'rexray'])
      expect((await dvdcli.run(['mount', on(name), '--volumename=a'])).out).toBe(`${docker}/propagated-mount/a/data\n`);
    expect((await dvdcli.run(['list', on('rexray/efs')])).status).toBe(3);
  });

  it('a socket that a dead plugin left does not hide one that lives', async () => {
    await known('alive', join(around.dir, 'a'));
    file('d.spec', `unix://${join(around.dir, 'a')}`);
    mkdirSync(around.sockets, { recursive: true });
    const dying = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', dying, join(around.sockets, 'd.sock')]);
    expect(existsSync(join(around.sockets, 'd.sock'))).toBe(true);
    expect(await lists('d')).toBe('alive\n');
  });

  it.each(['../etc/x', 'a/../b', '.hidden', 'a b', ''.padEnd(300, 'x')])('the driver %j is no name', async (driver) => {
    const r = await dvdcli.run(['list', on(driver)]);
    expect(r.status).toBe(2);
    expect(r.err).toContain('is not the name of a volume driver');
  });
});

/** A certificate authority, a certificate of it for localhost, and an authority that nobody knows. */
function certificates(dir: string): { ca: string; cert: string; key: string; other: string } {
  const at = (name: string): string => join(dir, name);
  const ssl = (...args: string[]): void => void execFileSync('openssl', args, { stdio: 'ignore' });
  const self = (name: string, out: string): void =>
    ssl(
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      at(`${out}.key`),
      '-out',
      at(`${out}.pem`),
    );
  self('authority', 'ca');
  self('nobody', 'other');
  ssl(
    'req',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-subj',
    '/CN=localhost',
    '-keyout',
    at('own.key'),
    '-out',
    at('own.csr'),
  );
  writeFileSync(at('own.ext'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
  ssl(
    'x509',
    '-req',
    '-in',
    at('own.csr'),
    '-CA',
    at('ca.pem'),
    '-CAkey',
    at('ca.key'),
    '-CAcreateserial',
    '-days',
    '2',
    '-extfile',
    at('own.ext'),
    '-out',
    at('own.pem'),
  );
  return { ca: at('ca.pem'), cert: at('own.pem'), key: at('own.key'), other: at('other.pem') };
}
