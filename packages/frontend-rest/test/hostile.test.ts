import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Cleanup, type Served, serve, unique } from './embedded.ts';
import { bytesOf, raw } from './raw.ts';

const cleanup = new Cleanup();
let on: Served;
const volumes = '/api/v2/services/memory/volumes';
beforeAll(async () => {
  on = await serve(cleanup);
  await on.integration.create('there');
});
afterAll(() => cleanup.run());

const refused = async (body: unknown, path = volumes, method = 'POST') => {
  const before = on.backend.volumes.size;
  const r = await raw(on.socket, path, { method, body });
  expect([r.status, r.headers['content-type'], r.body?.code], r.text).toEqual([
    400,
    'application/problem+json',
    'invalid',
  ]);
  expect(on.backend.volumes.size).toBe(before);
  return r.body as { detail: string; hint?: string; details: { path: string } };
};

describe('hostile requests', () => {
  it('bodies that are not JSON, or are more than JSON', async () => {
    for (const body of [
      '{"name":"x"',
      '',
      'null',
      '[]',
      '"x"',
      '3',
      '{"name":"x"}}',
      '\u0000',
      '{"name":"x","__proto__":{"size":"1GiB"}}',
      '{"name":"x","params":{"__proto__":{"tier":"a"}}}',
      '{"name":"x","labels":{"constructor":{"prototype":{"a":1}}}}',
      `{"name":"x","params":${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}}`,
    ])
      await refused(body);
    expect(({} as { tier?: string }).tier).toBeUndefined();
  });

  it('fields of a wrong type name the field and what is expected; nothing is converted', async () => {
    const cases: [object, string, RegExp][] = [
      [{ name: 5 }, 'name', /must be string/],
      [{}, 'name', /is required/],
      [{ name: 'x', size: true }, 'size', /must be string or integer/],
      [{ name: 'x', size: -1 }, 'size', /./],
      [{ name: 'x', size: 1.5 }, 'size', /./],
      [{ name: 'x', size: 1e300 }, 'size', /./],
      [{ name: 'x', size: '16' }, 'size', /the unit is missing/],
      [{ name: 'x', overwriteFs: 'true' }, 'overwriteFs', /must be boolean/],
      [{ name: 'x', fsType: 'ntfs' }, 'fsType', /"ext4" or "xfs" or "btrfs"/],
      [{ name: 'x', labels: { a: 1 } }, 'labels.a', /must be string/],
      [{ name: 'x', from: { snapshot: 'a', volume: 'b' } }, 'from.volume', /./],
      [{ name: 'x', owner: { uid: '0' } }, 'owner.uid', /must be integer/],
      [{ name: 'x', mountOptions: 'ro' }, 'mountOptions', /must be array/],
    ];
    for (const [body, path, says] of cases) {
      const p = await refused(body);
      expect(p.details.path.split('.')[0], JSON.stringify(body)).toBe(path.split('.')[0]);
      expect(p.detail).toMatch(says);
    }
  });

  it('an unknown property or parameter is named, with the near ones', async () => {
    const p = await refused({ name: 'x', sizee: '1GiB' });
    expect([p.details.path, p.hint]).toEqual(['sizee', 'Did you mean "size"?']);
    const q = await refused(undefined, `${volumes}/there?forze=true`, 'DELETE');
    expect([q.details.path, q.hint]).toEqual(['forze', 'Did you mean "force"?']);
    for (const query of [
      'force=maybe',
      'force=true&force=false',
      'timeoutMs=0',
      'timeoutMs=99999999999999',
      'timeoutMs=-1',
      'dryRun=1',
    ])
      await refused(undefined, `${volumes}/there?${query}`, 'DELETE');
    expect((await raw(on.socket, `${volumes}?limit=0`)).status).toBe(400);
    expect((await raw(on.socket, `${volumes}?label=novalue`)).status).toBe(400);
    expect((await raw(on.socket, `${volumes}?__proto__=1`)).status).toBe(400);
  });

  it('options of a plan are those of the verb, and none of the call', async () => {
    const plan = '/api/v2/services/memory/plan';
    for (const options of [{ signal: 1 }, { onProgress: 1 }, { requestId: 'x' }, { holder: 5 }, { name: 'x' }])
      await refused({ op: 'mount', name: 'there', options }, plan);
    await refused({ op: 'nope', name: 'there' }, plan);
    await refused({ op: 'constructor', name: 'there' }, plan);
  });

  it('a secret is not repeated in the refusal', async () => {
    const r = await raw(on.socket, volumes, { body: { name: unique(), encrypted: 'yes', encryptionKey: ['hunter2'] } });
    expect(r.status).toBe(400);
    expect(r.text).not.toContain('hunter2');
  });

  it('too large, of another type, without a body where one is due', async () => {
    const large = await raw(on.socket, volumes, { body: { name: 'x'.repeat(300_000) } });
    expect([large.status, large.body.code]).toEqual([413, 'invalid']);
    const text = await raw(on.socket, volumes, { body: 'name=x', headers: { 'content-type': 'text/plain' } });
    expect([text.status, text.body.code]).toEqual([415, 'invalid']);
    await refused(undefined, volumes, 'POST');
  });

  it('a body that says more than it brings, malformed heads, bad addresses', async () => {
    const head = (first: string, more = ''): string =>
      `${first} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${more}\r\n`;
    expect(await bytesOf(on.socket, head('GET /%zz'))).toMatch(/^HTTP\/1.1 400 /);
    expect(await bytesOf(on.socket, 'NONSENSE\r\n\r\n')).toMatch(/^HTTP\/1.1 400 [\s\S]*"code":"invalid"/);
    expect(await bytesOf(on.socket, head('GET /', `X: ${'y'.repeat(20_000)}\r\n`))).toMatch(/^HTTP\/1.1 431 /);
    const smuggle = head(`POST ${volumes}`, 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n');
    expect(await bytesOf(on.socket, `${smuggle}0\r\n\r\n`)).toMatch(/^HTTP\/1.1 400 /);
    const cut = raw(on.socket, volumes, {
      body: '{"name":"cut"',
      headers: { 'content-length': '500' },
      signal: AbortSignal.timeout(200),
    });
    await expect(cut).rejects.toThrow();
    await expect(on.integration.get('cut')).rejects.toMatchObject({ code: 'not_found' });
  });

  it('the server still works', async () => {
    expect(await on.client.health()).toMatchObject({ ok: true, operations: 0, services: ['memory'] });
    expect(on.log.filter((l) => l.startsWith('error'))).toEqual([]);
  });
});
