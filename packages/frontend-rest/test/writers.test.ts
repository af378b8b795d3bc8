import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Cleanup, type Served, serve, unique } from './embedded.ts';
import { raw } from './raw.ts';

const cleanup = new Cleanup();
let on: Served;
const volumes = '/api/v2/services/memory/volumes';
beforeAll(async () => {
  on = await serve(cleanup);
});
afterAll(() => cleanup.run());

describe('ETag and If-Match', () => {
  const read = async (name: string) => String((await raw(on.socket, `${volumes}/${name}`)).headers.etag);
  const patch = (name: string, labels: object, tag: string) =>
    raw(on.socket, `${volumes}/${name}`, { method: 'PATCH', body: { labels }, headers: { 'if-match': tag } });

  it('of two that read the same, the second to write is told, and nothing of it was done', async () => {
    const name = unique();
    await on.integration.create(name);
    const tag = await read(name);
    const [a, b] = await Promise.all([patch(name, { who: 'a' }, tag), patch(name, { who: 'b' }, tag)]);
    expect([a.status, b.status].sort()).toEqual([200, 412]);
    const lost = a.status === 412 ? a : b;
    expect(lost.body).toMatchObject({ code: 'invalid', details: { path: 'If-Match', expected: await read(name) } });
    expect((await on.integration.get(name)).labels).toEqual({ who: a.status === 200 ? 'a' : 'b' });
  });

  it('twenty writers that each read, add one and write again until they may: none is lost', async () => {
    const name = unique();
    await on.integration.create(name, { labels: { n: '0' } });
    const add = async (): Promise<void> => {
      for (;;) {
        const r = await raw(on.socket, `${volumes}/${name}`);
        const n = String(Number(r.body.labels.n) + 1);
        if ((await patch(name, { n }, String(r.headers.etag))).status === 200) return;
      }
    };
    await Promise.all(Array.from({ length: 20 }, add));
    expect((await on.integration.get(name)).labels).toEqual({ n: '20' });
  });

  it('remove, too; * means that it is there; what is known is not sent again', async () => {
    const name = unique();
    await on.integration.create(name);
    const old = await read(name);
    await on.integration.modify(name, { labels: { a: 'b' } });
    const del = (tag: string) =>
      raw(on.socket, `${volumes}/${name}`, { method: 'DELETE', headers: { 'if-match': tag } });
    expect((await del(old)).status).toBe(412);
    const same = await raw(on.socket, `${volumes}/${name}`, {
      headers: { 'if-none-match': `W/"x", ${await read(name)}` },
    });
    expect([same.status, same.text]).toEqual([304, '']);
    expect((await raw(on.socket, `${volumes}/${name}`, { headers: { 'if-none-match': old } })).status).toBe(200);
    expect((await del('*')).status).toBe(204);
    expect((await del('*')).status).toBe(404);
  });
});

describe('filters of a list', () => {
  it('by name, label, state and node; over pages', async () => {
    const names = Array.from({ length: 7 }, () => unique('f'));
    for (const [i, n] of names.entries()) await on.integration.create(n, { labels: { kind: i < 3 ? 'few' : 'many' } });
    const list = async (query: string): Promise<string[]> =>
      (await raw(on.socket, `${volumes}?${query}`)).body.items.map((v: { name: string }) => v.name).sort();
    await on.integration.attach(names[1] ?? '');
    await on.integration.mount(names[2] ?? '', { holder: 'cli' });
    expect(await list('label=kind=few')).toEqual(names.slice(0, 3).sort());
    expect(await list(`name=${names[0]}&name=${names[5]}&name=absent`)).toEqual([names[0], names[5]].sort());
    expect(await list('state=attached&state=mounted')).toEqual([names[1], names[2]].sort());
    expect(await list(`node=${encodeURIComponent(on.env.node)}&label=kind=few`)).toEqual([names[1], names[2]].sort());
    expect(await list('node=elsewhere')).toEqual([]);
    expect((await raw(on.socket, `${volumes}?state=broken`)).body.detail).toContain('"available"');
    const pages: string[] = [];
    let next = `${volumes}?label=kind=many&limit=1`;
    while (next !== '') {
      const r = await raw(on.socket, next);
      pages.push(...r.body.items.map((v: { name: string }) => v.name));
      next = /<([^>]+)>/.exec(String(r.headers.link ?? ''))?.[1] ?? '';
    }
    expect(pages.sort()).toEqual(names.slice(3).sort());
    const { items } = await on.remote.list({ states: ['mounted'], names });
    expect(items.map((v) => v.name)).toEqual([names[2]]);
  });
});
