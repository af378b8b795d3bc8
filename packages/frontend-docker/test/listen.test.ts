import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import type { FrontendContext, RunningFrontend } from '@rexray/core';
import { type TestRexray, testRexray } from '@rexray/runtime/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import plugin, { createDockerPlugin, type DockerConfig } from '../src/index.ts';
import { ask, Cleanup, logInto } from './plugged.ts';

let cleanup: Cleanup;
let dir: string;
let rex: TestRexray;
beforeEach(async () => {
  cleanup = new Cleanup();
  dir = cleanup.tempDir('rxl-');
  rex = await testRexray();
  cleanup.add(() => rex.close());
});
afterEach(() => cleanup.run());

const context = (more: Partial<FrontendContext> = {}): FrontendContext => ({
  services: { memory: rex.integration },
  defaultService: 'memory',
  events: rex.events,
  logger: logInto([]),
  signal: new AbortController().signal,
  ...more,
});
async function start(config: Partial<DockerConfig>, more: Partial<FrontendContext> = {}): Promise<RunningFrontend> {
  const p = await createDockerPlugin(context(more), config);
  cleanup.add(() => p.close());
  return p;
}
const unix = (name: string): string => `unix://${join(dir, 'plugins', name)}.sock`;

describe('sockets', () => {
  it('mode 0600 in a directory made 0755, nothing beside it, gone after close', async () => {
    const p = await start({ host: unix('rexray') });
    const path = join(dir, 'plugins', 'rexray.sock');
    expect(p.addresses).toEqual([`unix://${path}`]);
    expect([lstatSync(path).mode & 0o777, lstatSync(dirname(path)).mode & 0o777]).toEqual([0o600, 0o755]);
    expect(readdirSync(dirname(path))).toEqual(['rexray.sock']);
    expect(await p.health()).toEqual({ ok: true });
    await p.close();
    await p.close();
    expect(readdirSync(dirname(path))).toEqual([]);
  });

  it('a stale one is replaced; one that answers is not; what is no socket is left alone', async () => {
    const path = join(dir, 's.sock');
    const dead = createServer();
    await new Promise<void>((resolve) => dead.listen(`${path}.was`, resolve));
    renameSync(`${path}.was`, path);
    await new Promise((resolve) => dead.close(resolve));
    await start({ host: `unix://${path}` });
    await expect(createDockerPlugin(context(), { host: `unix://${path}` })).rejects.toMatchObject({ code: 'in_use' });
    expect((await ask(path, '/Plugin.Activate')).status).toBe(200);
    writeFileSync(join(dir, 'file'), 'precious');
    await expect(start({ host: `unix://${join(dir, 'file')}` })).rejects.toMatchObject({ code: 'denied' });
    expect(readFileSync(join(dir, 'file'), 'utf8')).toBe('precious');
  });

  it('several at once, each bound to its own service', async () => {
    const other = await testRexray();
    cleanup.add(() => other.close());
    const services = { memory: rex.integration, other: other.integration };
    await start({ host: unix('rexray') }, { services });
    await start({ host: unix('archive'), service: 'other' }, { services });
    await ask(join(dir, 'plugins', 'archive.sock'), 'Create', { Name: 'v' });
    expect([rex.backend.volumes.size, other.backend.volumes.size]).toEqual([0, 1]);
    expect((await ask(join(dir, 'plugins', 'rexray.sock'), 'Get', { Name: 'v' })).status).toBe(500);
  });

  it('a socket that was removed is said by health', async () => {
    const p = await start({ host: unix('rexray') });
    rmSync(join(dir, 'plugins', 'rexray.sock'));
    expect(await p.health()).toMatchObject({ ok: false });
  });

  it.each([
    [{ host: 'http://x' }, 'host'],
    [{ host: 'unix://relative.sock' }, 'host'],
    [{ host: 'tcp://127.0.0.1' }, 'host'],
    [{ host: 'tcp://127.0.0.1:99999' }, 'host'],
    [{ host: 'tcp://127.0.0.1:0' }, 'tls'],
    [{ host: 'tcp://127.0.0.1:0', tls: { certFile: '/no', keyFile: '/no', trustedCertsFile: '/no' } }, 'tls.certFile'],
    [{ service: 'unheard' }, 'service'],
    [{ hots: 'x' }, 'hots'],
    [{ discovery: 'relative.spec' }, 'discovery'],
    [{ discovery: '/tmp/x.txt' }, 'discovery'],
  ])('a setting that cannot be: %j', async (config, path) => {
    const full = { host: unix('rexray'), ...config } as Partial<DockerConfig>;
    await expect(start(full)).rejects.toMatchObject({ code: 'invalid', details: { path } });
    expect(existsSync(join(dir, 'plugins', 'rexray.sock'))).toBe(false);
  });

  it('is a plugin of kind frontend, named docker', async () => {
    const { kind, name, config } = plugin.plugin;
    expect([kind, name, config['~standard'].validate({})]).toMatchObject([
      'frontend',
      'docker',
      { value: { host: 'unix:///run/docker/plugins/rexray.sock' } },
    ]);
    const gone = new AbortController();
    gone.abort();
    await expect(start({ host: unix('x') }, { signal: gone.signal })).rejects.toMatchObject({ code: 'canceled' });
    await expect(start({ host: unix('x') }, { services: {}, defaultService: undefined })).rejects.toMatchObject({
      code: 'invalid',
    });
  });
});

describe('discovery files', () => {
  it('.spec and .json, gone after close, left alone when another took the name', async () => {
    const spec = join(dir, 'etc', 'rexray.spec');
    const json = join(dir, 'etc', 'other.json');
    const p = await start({ host: unix('rexray'), discovery: spec });
    await start({ host: unix('other'), discovery: json });
    expect(readFileSync(spec, 'utf8')).toBe(`${unix('rexray')}\n`);
    expect(JSON.parse(readFileSync(json, 'utf8'))).toEqual({ Name: 'other', Addr: unix('other') });
    await p.close();
    expect(existsSync(spec)).toBe(false);
    const q = await start({ host: unix('rexray'), discovery: spec });
    writeFileSync(spec, 'unix:///another.sock\n');
    await q.close();
    expect(existsSync(spec)).toBe(true);
  });
});

describe('tcp with tls', () => {
  const pem = (name: string): string => join(dir, name);
  function certificates(): void {
    const run = (...args: string[]): unknown => execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    run('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=ca', '-days', '2');
    for (const who of ['server', 'client']) {
      run('req', ...key, '-keyout', `${who}.key`, '-out', `${who}.csr`, '-subj', `/CN=${who}`);
      writeFileSync(pem(`${who}.ext`), 'subjectAltName=IP:127.0.0.1\n');
      run(
        'x509',
        '-req',
        '-in',
        `${who}.csr`,
        '-CA',
        'ca.pem',
        '-CAkey',
        'ca.key',
        '-CAcreateserial',
        '-days',
        '2',
        '-extfile',
        `${who}.ext`,
        '-out',
        `${who}.pem`,
      );
    }
  }

  it('answers who shows a certificate of the authority, nobody else; the .json names what the engine needs', async () => {
    certificates();
    const client = { caFile: pem('ca.pem'), certFile: pem('client.pem'), keyFile: pem('client.key') };
    const p = await start({
      host: 'tcp://127.0.0.1:0',
      tls: { certFile: pem('server.pem'), keyFile: pem('server.key'), trustedCertsFile: pem('ca.pem') },
      discovery: pem('rexray.json'),
      client,
    });
    const port = Number(p.addresses[0]?.split(':').at(-1));
    const asked = (more: object): Promise<number> =>
      new Promise((resolve, reject) => {
        const q = https.request(
          {
            host: '127.0.0.1',
            port,
            path: '/Plugin.Activate',
            method: 'POST',
            ca: readFileSync(pem('ca.pem')),
            agent: false,
            ...more,
          },
          (r) => {
            r.resume();
            resolve(r.statusCode ?? 0);
          },
        );
        q.on('error', reject);
        q.end();
      });
    expect(await asked({ cert: readFileSync(pem('client.pem')), key: readFileSync(pem('client.key')) })).toBe(200);
    await expect(asked({})).rejects.toThrow();
    expect(JSON.parse(readFileSync(pem('rexray.json'), 'utf8'))).toEqual({
      Name: 'rexray',
      Addr: `https://127.0.0.1:${port}`,
      TLSConfig: {
        InsecureSkipVerify: false,
        CAFile: client.caFile,
        CertFile: client.certFile,
        KeyFile: client.keyFile,
      },
    });
    expect(await p.health()).toEqual({ ok: true });
  });
});
