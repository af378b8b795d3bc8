import { readFileSync } from 'node:fs';
import { copyFile, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { silentLogger } from '@rexray/core';
import { connect } from '@rexray/rest-client';
import { authority, selfSigned, suite } from '@rexray/rig';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openEndpoint } from '../src/listen/listeners.ts';
import { Cleanup, serve } from './embedded.ts';
import { until } from './raw.ts';
import { KEY, type Secure, secure, tokenOf } from './secure.ts';

const cleanup = new Cleanup();
afterAll(() => cleanup.run());
const denied = { code: 'denied' };

suite('REST over TLS', { programs: { openssl: 'openssl' } }, () => {
  let on: Secure;
  beforeAll(async () => {
    on = await secure(cleanup);
  });

  it('a client with the authority and a token does what one on the socket does', async () => {
    const client = await on.as('ann');
    const remote = await client.integration();
    const v = await remote.create('over-tls', { labels: { a: 'b' } });
    expect(v).toEqual(await on.integration.get('over-tls'));
    expect(client.address).toBe(on.url);
    await remote.remove('over-tls');
  });

  it('tcp://host:port is https where TLS is given', async () => {
    const client = connect({ url: on.url.replace('https', 'tcp'), tls: { ca: on.ca }, token: await tokenOf('ann') });
    cleanup.add(() => client.close());
    expect((await client.services()).map((s) => s.service)).toEqual(['memory']);
  });

  describe('whom a client trusts', () => {
    const health = async (tls: Parameters<Secure['as']>[1]) => (await on.as('ann', tls)).services();

    it('a server of an unknown authority is refused, and nothing is sent', async () => {
      await expect(health({})).rejects.toMatchObject({ ...denied, details: { rule: 'TLS' } });
    });

    it('a name that is not in the certificate is refused; serverName says which one is meant', async () => {
      await expect(health({ ca: on.ca, servername: 'elsewhere' })).rejects.toMatchObject(denied);
      await health({ ca: on.ca, servername: 'server' });
    });

    it('insecure takes anybody', async () => {
      await health({ insecure: true });
    });

    it('a known host is known by its fingerprint alone; another certificate is not sent the token', async () => {
      const known = { host: '127.0.0.1', fingerprint: on.certificate.fingerprint };
      await health({ knownHosts: [known] });
      await expect(health({ knownHosts: [] })).rejects.toMatchObject({
        ...denied,
        message: expect.stringContaining('is not a known host'),
        hint: expect.stringContaining(`127.0.0.1 sha256 ${on.certificate.fingerprint}`),
      });
      const changed = health({ knownHosts: [{ ...known, fingerprint: 'a'.repeat(64) }], ca: on.ca });
      await expect(changed).rejects.toMatchObject({
        ...denied,
        message: expect.stringContaining('another certificate'),
      });
    });
  });

  it('a token does not travel in the clear over a network', async () => {
    const at = (o: object) => () => connect({ url: 'http://192.0.2.1:7979', token: 'x', ...o });
    expect(at({})).toThrow(/not sent/);
    at({ allowPlaintext: true })().close();
    connect({ url: 'http://127.0.0.1:7979', token: 'x' }).close();
  });

  it('plain HTTP at the TLS port, and TLS at a plain one, say what they are', async () => {
    const plain = connect({ url: on.url.replace('https', 'http') });
    await expect(plain.health()).rejects.toMatchObject({ code: 'unavailable' });
    const dir = { address: 'tcp://127.0.0.1:0', allowPlaintext: true, allowAnonymous: true };
    const open = await serve(cleanup, { config: { endpoints: { plain: dir } } });
    const url = open.server.addresses.find((a) => a.startsWith('http:'))?.replace('http', 'https') ?? '';
    const tls = connect({ url, tls: { insecure: true } });
    await expect(tls.health()).rejects.toMatchObject({ code: 'invalid', message: expect.stringContaining('TLS') });
    for (const c of [plain, tls]) c.close();
  });
});

suite('mutual TLS', { programs: { openssl: 'openssl' } }, () => {
  it('who shows a certificate that the authority signed is who it says; others are refused', async () => {
    const dir = cleanup.tempDir('rx-mtls-');
    const base = await secure(cleanup);
    const on = await secure(cleanup, {
      tls: { trustedCertsFile: base.authority.certFile, clientCertRequired: true },
      config: { auth: { key: KEY, deny: ['eve'] } },
    });
    const withCert = (c: { certFile: string; keyFile: string }) =>
      on.as(undefined, { ca: on.ca, cert: readFileSync(c.certFile), key: readFileSync(c.keyFile) });
    expect((await (await withCert(base.authority.sign('ann'))).services()).length).toBe(1);
    await expect((await withCert(base.authority.sign('eve'))).services()).rejects.toMatchObject(denied);
    const stranger = await withCert(selfSigned(dir, 'ann'));
    await expect(stranger.services()).rejects.toMatchObject({ code: 'unauthenticated' });
    await expect((await on.as('ann')).services()).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it('a client may be known by the fingerprint of its certificate', async () => {
    const dir = cleanup.tempDir('rx-mtls-');
    const known = selfSigned(dir, 'ann');
    const file = join(dir, 'known');
    await writeFile(file, `# who may\nann sha256 ${known.fingerprint}\n`);
    const on = await secure(cleanup, { tls: { knownHosts: file, clientCertRequired: true } });
    const as = async (c: { certFile: string; keyFile: string }) =>
      (await on.as(undefined, { ca: on.ca, cert: readFileSync(c.certFile), key: readFileSync(c.keyFile) })).services();
    expect((await as(known)).length).toBe(1);
    await expect(as(selfSigned(dir, 'eve'))).rejects.toMatchObject({ code: 'unauthenticated' });
  });
});

suite('several endpoints', { programs: { openssl: 'openssl' } }, () => {
  it('each has its own certificate and its own idea of who may come in; all serve the same', async () => {
    const dir = cleanup.tempDir('rx-many-');
    const [people, machines] = [authority(join(dir), 'people'), authority(dir, 'machines')];
    const [a, b] = [people.sign('for-people'), machines.sign('for-machines')];
    const files = ({ certFile, keyFile }: { certFile: string; keyFile: string }) => ({ certFile, keyFile });
    const on = await serve(cleanup, {
      config: {
        auth: { key: KEY },
        endpoints: {
          people: { address: 'tcp://127.0.0.1:0', tls: files(a) },
          machines: {
            address: 'tcp://127.0.0.1:0',
            tls: { ...files(b), trustedCertsFile: machines.certFile, clientCertRequired: true },
          },
          local: { address: join(dir, 'other.sock') },
        },
      },
    });
    const [, first = '', second = '', local = ''] = on.server.addresses;
    const ask = async (o: Parameters<typeof connect>[0]) => {
      const client = connect(o);
      cleanup.add(() => client.close());
      return (await client.services()).map((s) => s.service);
    };
    const ca = (c: { certFile: string }) => readFileSync(c.certFile, 'utf8');
    const machine = machines.sign('node-1');
    const cert = { cert: readFileSync(machine.certFile), key: readFileSync(machine.keyFile) };
    const token = await tokenOf('ann');
    expect(await ask({ url: first, tls: { ca: ca(people) }, token })).toEqual(['memory']);
    expect(await ask({ url: second, tls: { ca: ca(machines), ...cert } })).toEqual(['memory']);
    expect(await ask({ socketPath: local.replace('unix://', '') })).toEqual(['memory']);
    await expect(ask({ url: second, tls: { ca: ca(people), ...cert } })).rejects.toMatchObject(denied);
    await expect(ask({ url: second, tls: { ca: ca(machines) }, token })).rejects.toMatchObject({
      code: 'unauthenticated',
    });
    await expect(ask({ url: first, tls: { ca: ca(people), ...cert } })).rejects.toMatchObject({
      code: 'unauthenticated',
    });
  });
});

suite('certificates that are replaced', { programs: { openssl: 'openssl' } }, () => {
  it('are taken without a restart; one that cannot be used is said, and the old one stays', async () => {
    const dir = cleanup.tempDir('rx-renew-');
    const ours = authority(dir);
    const [first, second] = [ours.sign('server'), ours.sign('server')];
    const { certFile, keyFile } = ours.sign('server');
    const put = async (c: { certFile: string; keyFile: string }): Promise<void> => {
      await copyFile(c.keyFile, keyFile);
      await copyFile(c.certFile, certFile);
    };
    await put(first);
    const log: string[] = [];
    const note = (_: object, message: string): void => void log.push(message);
    const answering = { options: {}, prepare() {}, handle: (_: unknown, r: ServerResponse) => void r.end('{}') };
    const tls = { certFile, keyFile, clientCertRequired: false };
    const e = { address: 'tcp://127.0.0.1:0', tls, allowPlaintext: false, allowAnonymous: true };
    const listener = await openEndpoint('web', e, answering, { ...silentLogger, info: note, error: note }, 20);
    cleanup.add(() => listener.close());
    const shown = (): Promise<string> =>
      new Promise((resolve, reject) => {
        const s = connectTls({
          host: '127.0.0.1',
          port: Number(new URL(listener.url).port),
          rejectUnauthorized: false,
        });
        s.on('error', reject);
        s.on('secureConnect', () => {
          resolve((s.getPeerCertificate().fingerprint256 ?? '').replaceAll(':', '').toLowerCase());
          s.destroy();
        });
      });
    expect(await shown()).toBe(first.fingerprint);
    await put(second);
    await until(() => log.includes('new certificates are in use'), 'they are taken');
    expect(await shown()).toBe(second.fingerprint);
    await writeFile(certFile, 'nonsense');
    await until(() => log.some((l) => l.includes('the old ones stay')), 'it is said');
    expect(await shown()).toBe(second.fingerprint);
  });
});

suite('what an endpoint needs', { programs: { openssl: 'openssl' } }, () => {
  const refused = async (config: Parameters<typeof serve>[1]) => {
    const e = await serve(cleanup, config).catch((x: unknown) => x);
    expect(e).toBeInstanceOf(Error);
    return e as { code: string; message: string; hint: string };
  };

  it('TCP without TLS, and TCP without authentication, do not start unless told so in so many words', async () => {
    const dir = cleanup.tempDir('rx-tls-');
    const { certFile, keyFile } = selfSigned(dir, 'x');
    const address = 'tcp://127.0.0.1:0';
    const plain = await refused({ config: { endpoints: { web: { address } }, auth: { key: KEY } } });
    expect([plain.code, plain.message]).toEqual(['denied', expect.stringContaining('has no TLS')]);
    expect(plain.hint).toContain('libstorage.server.endpoints.web.allowPlaintext: true');
    const anyone = await refused({ config: { endpoints: { web: { address, tls: { certFile, keyFile } } } } });
    expect([anyone.code, anyone.message]).toEqual(['denied', expect.stringContaining('has no authentication')]);
    expect(anyone.hint).toContain('allowAnonymous');
    await serve(cleanup, { config: { endpoints: { web: { address, allowPlaintext: true, allowAnonymous: true } } } });
  });

  it('files that are missing, expired, or do not belong together are named', async () => {
    const dir = cleanup.tempDir('rx-tls-');
    const a = selfSigned(dir, 'a');
    const b = selfSigned(dir, 'b');
    const with_ = (tls: object) =>
      refused({ config: { endpoints: { web: { address: 'tcp://127.0.0.1:0', tls } }, auth: { key: KEY } } });
    expect((await with_({ certFile: '/nowhere.crt', keyFile: a.keyFile })).message).toContain('ENOENT');
    expect((await with_({ certFile: a.certFile, keyFile: b.keyFile })).message).toContain('another certificate');
    expect((await with_({ certFile: a.certFile })).message).toContain('keyFile');
    const required = await with_({ certFile: a.certFile, keyFile: a.keyFile, clientCertRequired: true });
    expect(required.message).toContain('clientCertRequired');
  });
});
