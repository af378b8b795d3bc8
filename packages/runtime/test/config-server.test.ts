import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cleanup } from '@rexray/rig';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { errorOf, type Place, place } from './config-place.ts';

let cleanup: Cleanup;
let p: Place;
beforeEach(() => {
  cleanup = new Cleanup();
  p = place(cleanup);
});
afterEach(() => cleanup.run());

const load = (text: string, vars: Record<string, string> = {}) => {
  p.write('rexray/etc/rexray.yml', text);
  return p.load({ vars });
};
const tls = (name: string, text = ''): string => {
  mkdirSync(join(p.etc, 'tls'), { recursive: true });
  writeFileSync(join(p.etc, 'tls', name), text);
  return join(p.etc, 'tls', name);
};

describe('libstorage.server', () => {
  it('is nothing by default: no endpoint, no key', async () => {
    const c = await load('libstorage: { service: local-dir }\n');
    expect(c.server).toEqual({
      endpoints: {},
      auth: { alg: 'HS256', allow: [], deny: [], services: {} },
      rateLimit: { perSecond: 200, burst: 400 },
      tasks: { exeTimeoutMs: 60_000, logTimeoutMs: 600_000 },
    });
    expect(c.client()).toEqual({});
    expect(c.warnings).toEqual([]);
  });

  it('endpoints, each with its own TLS before the server’s and the general one', async () => {
    const c = await load(`
libstorage:
  tls: { certFile: /g.crt, keyFile: /g.key }
  server:
    tls: { certFile: /s.crt, keyFile: /s.key, trustedCertsFile: /ca }
    endpoints:
      Own: { address: "tcp://:7979", tls: { certFile: /o.crt, keyFile: /o.key, clientCertRequired: true } }
      web: { address: "tcp://127.0.0.1:7980" }
      bare: { address: "tcp://127.0.0.1:7981", tls: false, allowPlaintext: true, allowAnonymous: yes }
      local: { address: unix:///run/other.sock }
    services: { a: { driver: local-dir } }
`);
    expect(c.warnings).toEqual([]);
    const off = { allowPlaintext: false, allowAnonymous: false };
    const files = { mode: 'on', knownHosts: [], trustedCertsFile: '/ca' };
    expect(c.server.endpoints).toEqual({
      own: {
        address: 'tcp://:7979',
        tls: { ...files, certFile: '/o.crt', keyFile: '/o.key', clientCertRequired: true },
        ...off,
      },
      web: {
        address: 'tcp://127.0.0.1:7980',
        tls: { ...files, certFile: '/s.crt', keyFile: '/s.key', clientCertRequired: false },
        ...off,
      },
      bare: { address: 'tcp://127.0.0.1:7981', allowPlaintext: true, allowAnonymous: true },
      local: { address: 'unix:///run/other.sock', ...off },
    });
  });

  it('libstorage.host with embedded is the endpoint of a server that has no other, and its services are made', async () => {
    const c = await load('libstorage: { service: local-dir, host: "tcp://127.0.0.1:7979", embedded: true }\n');
    expect(c.server.endpoints.localhost?.address).toBe('tcp://127.0.0.1:7979');
    expect(Object.keys(c.services)).toEqual(['local-dir']);
    const away = await load('libstorage: { service: local-dir, host: "tcp://127.0.0.1:7979" }\n');
    expect([away.server.endpoints, away.host, away.embedded]).toEqual([{}, 'tcp://127.0.0.1:7979', false]);
  });

  it('auth: key, algorithm, rules for all and for single services; disabled takes all of them away', async () => {
    const text = `
libstorage:
  server:
    auth: { key: a-long-secret-indeed, alg: HS512, deny: [eve], disabled: DIS }
    services: { a: { driver: local-dir, auth: { allow: ann bob } }, b: { driver: local-dir, auth: { deny: [mallory] } } }
`;
    const c = await load(text.replace('DIS', 'false'));
    expect(c.warnings).toEqual([]);
    expect(c.server.auth).toEqual({
      key: 'a-long-secret-indeed',
      alg: 'HS512',
      allow: [],
      deny: ['eve'],
      services: { a: { allow: ['ann', 'bob'], deny: [] }, b: { allow: [], deny: ['mallory'] } },
    });
    expect(c.token()).toEqual({ key: 'a-long-secret-indeed', alg: 'HS512', expMs: 8760 * 3_600_000 });
    expect(JSON.stringify(c.entries())).not.toContain('a-long-secret');
    const off = await load(text.replace('DIS', 'true'));
    expect(off.server.auth).toEqual({ alg: 'HS512', allow: [], deny: [], services: {} });
  });

  it('a key of a single service is refused, and says where the key belongs', async () => {
    const e = await errorOf(
      load('libstorage: { server: { services: { a: { driver: local-dir, auth: { key: secret-of-a } } } } }\n'),
    );
    expect([e.code, e.message]).toEqual(['invalid', expect.stringContaining('libstorage.server.auth.key')]);
    expect(JSON.stringify([e.message, e.details])).not.toContain('secret-of-a');
  });

  it.each([
    ['libstorage.server.endpoints.a.allowPlaintext: true', 'libstorage.server.endpoints.a.address: is missing'],
    ['libstorage.client.tls: maybe', 'libstorage.client.tls: "maybe" is not true, false, insecure'],
    ['libstorage.server.tasks.exeTimeout: 5', 'duration'],
  ])('%s', async (text, said) => {
    const e = await errorOf(async () => (await load(`${text}\n`)).client());
    expect(e.message).toContain(said);
  });
});

describe('libstorage.client', () => {
  const client = async (text: string, vars?: Record<string, string>) => (await load(`${text}\n`, vars)).client();
  const known = `host sha256 ${'ab:'.repeat(31)}ab`;

  it('the words of REX-Ray', async () => {
    expect((await client('libstorage.client.tls: true')).tls).toMatchObject({ mode: 'on', knownHosts: [] });
    expect((await client('libstorage.tls: insecure')).tls?.mode).toBe('insecure');
    expect((await client('libstorage.client.tls: verifyPeers')).tls?.mode).toBe('peers');
    expect((await client(`libstorage.client.tls: ${known}`)).tls).toMatchObject({ mode: 'peers', knownHost: known });
    expect((await client('libstorage: { tls: true, client: { tls: false } }')).tls).toBeUndefined();
    expect((await client('libstorage.client.tls: { insecure: true }')).tls?.mode).toBe('insecure');
    expect((await client('', { LIBSTORAGE_TLS: 'insecure' })).tls?.mode).toBe('insecure');
  });

  it('files of known names switch TLS on by being there; an empty list of known hosts does not', async () => {
    tls('known_hosts', '\n# nobody\n');
    expect((await client('')).tls).toBeUndefined();
    const hosts = tls('known_hosts', `${known}\n`);
    expect((await client('')).tls).toMatchObject({ mode: 'peers', knownHosts: [hosts] });
    const ca = tls('cacerts', 'x');
    expect((await client('')).tls).toMatchObject({ mode: 'on', trustedCertsFile: ca });
    const [crt, key] = [tls('rexray.crt'), tls('rexray.key')];
    expect((await client('')).tls).toMatchObject({ certFile: crt, keyFile: key });
    const server = await load('libstorage.server.endpoints.a.address: "tcp://:1"\n');
    expect(server.server.endpoints.a?.tls).toMatchObject({ mode: 'on', certFile: crt, keyFile: key, knownHosts: [] });
    expect(server.server.endpoints.a?.tls?.trustedCertsFile).toBeUndefined();
  });

  it('a token by value, from the environment, or from a file', async () => {
    expect((await client('libstorage.client.auth.token: abc')).token).toBe('abc');
    expect((await client('', { LIBSTORAGE_CLIENT_AUTH_TOKEN: 'def' })).token).toBe('def');
    const file = p.write('token', ' ghi\n');
    expect((await client(`libstorage.client.auth.token: ${file}`)).token).toBe('ghi');
    const e = await errorOf(client('libstorage.client.auth.token: /nowhere'));
    expect(e.message).toContain('cannot be read (ENOENT)');
  });
});
