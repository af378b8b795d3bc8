import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import { connect } from 'node:net';
import { authority, Cleanup, suite } from '@rexray/rig';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type DaemonProcess, daemon, freePort, Home, services } from './rig.ts';

const KEY = 'a secret that nobody guesses';

suite('the daemon over TLS', { root: true, programs: { openssl: 'openssl' } }, () => {
  const cleanup = new Cleanup();
  let server: Home;
  let running: DaemonProcess;
  let port: number;
  let dir: string;
  afterAll(() => cleanup.run());
  beforeAll(async () => {
    dir = cleanup.tempDir('rxc-tls-');
    port = await freePort();
    const { certFile, keyFile } = authority(dir).sign('server');
    const config = services(
      {
        main: { driver: 'local-dir' },
        private: { driver: 'local-dir', 'local-dir': { volumePath: '../p' }, auth: { allow: ['ann'] } },
      },
      'main',
    );
    const libstorage = config.libstorage as { server: object };
    server = new Home(cleanup, {
      ...config,
      libstorage: {
        ...libstorage,
        server: {
          ...libstorage.server,
          auth: { key: KEY },
          audit: '../audit.log',
          endpoints: { web: { address: `tcp://127.0.0.1:${port}`, tls: { certFile, keyFile } } },
        },
      },
    });
    running = await daemon(cleanup, server);
  });

  const client = async (subject: string, more: object = {}): Promise<Home> => {
    const token = (await server.rexray('token', 'new', subject)).out.trim();
    const tls = { trustedCertsFile: `${dir}/test-authority.crt` };
    return new Home(cleanup, {
      libstorage: { host: `tcp://127.0.0.1:${port}`, service: 'main', client: { tls, auth: { token } }, ...more },
    });
  };

  it('a client with libstorage.host, TLS and a token of "rexray token new" uses it; sees what it may see', async () => {
    const ann = await client('ann');
    expect((await ann.rexray('volume', 'create', 'far')).status).toBe(0);
    expect((await server.rexray('volume', 'ls')).out).toContain('far');
    expect((await ann.rexray('service', 'ls')).out).toContain('private');
    const bob = await client('bob');
    expect((await bob.rexray('service', 'ls')).out).not.toContain('private');
    const hidden = await bob.rexray('-s', 'private', 'volume', 'ls');
    expect([hidden.status, hidden.err]).toEqual([3, expect.stringContaining('not_found')]);
    const far = await ann.rexray('-h', `tcp://localhost:${port}`, 'volume', 'rm', 'far');
    expect([far.status, far.err]).toEqual([0, '']);
  });

  it('who changed what stands in the audit, what it cost in the metrics', async () => {
    expect(
      (await (await client('carol')).rexray('-h', `tcp://localhost:${port}`, 'volume', 'create', 'audited')).status,
    ).toBe(0);
    const lines = readFileSync(`${server.dir}/audit.log`, 'utf8').trim().split('\n');
    const mine = lines.map((l) => JSON.parse(l)).filter((l) => l.volume === 'audited');
    expect(mine).toMatchObject([
      { phase: 'begun', who: 'carol', via: 'token', from: '127.0.0.1', op: 'storage.create', before: null },
      { phase: 'ended', who: 'carol', outcome: 'ok', after: { name: 'audited' } },
    ]);
    const text = await new Promise<string>((resolve, reject) => {
      get({ socketPath: server.socket, path: '/metrics' }, (r) => {
        let all = '';
        r.on('data', (c) => {
          all += c;
        });
        r.on('end', () => resolve(all));
      }).on('error', reject);
    });
    expect(text).toMatch(
      /rexray_http_requests_total\{method="POST",route="[^"]*storage\/volumes",status="201"\} [1-9]/,
    );
    expect(text).toMatch(/rexray_driver_calls_total\{verb="create",service="main",code="ok"\} [1-9]/);
  });

  it('without a token, or without the authority, it says what is missing', async () => {
    const none = await (await client('ann', { client: { tls: 'insecure' } })).rexray('volume', 'ls');
    expect([none.status, none.err]).toEqual([1, expect.stringContaining('unauthenticated')]);
    const strange = await (await client('ann', { client: { tls: true } })).rexray('volume', 'ls');
    expect([strange.status, strange.err]).toEqual([1, expect.stringContaining('denied: The certificate')]);
  });

  it('the key and tokens stand in no line of the log; connections end with the daemon', async () => {
    expect(running.out).not.toContain(KEY);
    expect(running.out).toContain(`https://127.0.0.1:${port}`);
    const idle = connect({ host: '127.0.0.1', port });
    await new Promise((resolve) => idle.once('connect', resolve));
    idle.on('error', () => {});
    running.child.kill('SIGTERM');
    expect(await running.ended).toBe(0);
    idle.destroy();
  });
});
