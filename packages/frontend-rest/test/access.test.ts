import { randomUUID } from 'node:crypto';
import type http from 'node:http';
import { EventBus } from '@rexray/core';
import { connect } from '@rexray/rest-client';
import { suite } from '@rexray/rig';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RateLimit } from '../src/auth/rate.ts';
import { Subjects } from '../src/auth/subjects.ts';
import { Cleanup, embedded, unique } from './embedded.ts';
import { KEY, type Secure, secure, tokenOf } from './secure.ts';

const cleanup = new Cleanup();
afterAll(() => cleanup.run());

describe('rules of subjects', () => {
  it('deny comes first; deny alone means everyone but these; allow alone means these', async () => {
    const may = (rules: object, name: string) => new Subjects(rules, 'auth').may(name);
    expect([may({}, 'ann'), may({ deny: ['eve'] }, 'ann'), may({ deny: ['eve'] }, 'EVE')]).toEqual([true, true, false]);
    expect([may({ allow: ['Ann'] }, 'ann'), may({ allow: ['ann'] }, 'bob')]).toEqual([true, false]);
    expect(may({ allow: ['ann'], deny: ['ann'] }, 'ann')).toBe(false);
    const token = await tokenOf('carol');
    expect([may({ allow: [token] }, 'carol'), may({ allow: [`team:${token}`] }, 'carol')]).toEqual([true, true]);
    expect(() => new Subjects({ deny: ['eyJhbGciOi.x.y'] }, 'auth')).toThrow(/names no subject/);
  });
});

describe('rate limit', () => {
  it('lets a burst through, then so many a second, each caller for itself; callers are forgotten', () => {
    const limit = new RateLimit({ perSecond: 10, burst: 3 });
    expect([1, 2, 3].map(() => limit.take('a', 0))).toEqual([0, 0, 0]);
    expect(limit.take('a', 0)).toBe(100);
    expect(limit.take('b', 0)).toBe(0);
    expect(limit.take('a', 100)).toBe(0);
    for (let i = 0; i < 20_000; i++) limit.take(`x${i}`, 1);
    expect(limit.take('a', 2)).toBe(0);
    expect(new RateLimit({ perSecond: 0, burst: 1 }).take('a')).toBe(0);
  });
});

suite('who may what', { programs: { openssl: 'openssl' } }, () => {
  let on: Secure;
  const url = (path: string): string => `${on.url}${path}`;
  beforeAll(async () => {
    const hidden = await embedded(new EventBus(), 'hidden');
    await hidden.integration.create('secret-volume');
    on = await secure(cleanup, {
      more: { hidden: hidden.integration },
      config: {
        auth: { key: KEY, deny: ['mallory'], services: { hidden: { allow: ['ann'] } } },
        rateLimit: { perSecond: 50, burst: 500 },
      },
    });
  });
  const ask = async (path: string, authorization?: string, o: { method?: string; body?: unknown } = {}) => {
    const { default: https } = await import('node:https');
    return new Promise<{ status: number; headers: http.IncomingHttpHeaders; text: string }>((resolve, reject) => {
      const q = https.request(url(path), {
        ca: on.ca,
        agent: false,
        method: o.method ?? 'GET',
        headers: {
          ...(authorization !== undefined && { authorization }),
          ...(o.body !== undefined && { 'content-type': 'application/json' }),
        },
      });
      q.on('error', reject);
      q.on('response', (r) => {
        let text = '';
        r.on('data', (c) => {
          text += c;
        });
        r.on('end', () => resolve({ status: r.statusCode ?? 0, headers: r.headers, text }));
      });
      q.end(o.body === undefined ? undefined : JSON.stringify(o.body));
    });
  };

  it('nothing is answered to a caller without a good token, whatever it asks', async () => {
    const good = await tokenOf('ann');
    const [head, payload, signature] = good.split('.');
    const none = Buffer.from('{"alg":"none"}').toString('base64url');
    const rs = await new SignJWT({})
      .setProtectedHeader({ alg: 'HS512' })
      .setSubject('ann')
      .setExpirationTime('1h')
      .sign(new TextEncoder().encode(KEY.repeat(2)));
    const noExp = await new SignJWT({})
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject('ann')
      .sign(new TextEncoder().encode(KEY));
    const bad = [
      undefined,
      'Bearer',
      `Basic ${Buffer.from('ann:x').toString('base64')}`,
      `Bearer ${none}.${payload}.`,
      `Bearer ${head}.${payload}.${signature?.slice(2)}xx`,
      `Bearer ${await tokenOf('ann', { key: 'another secret of enough bytes' })}`,
      `Bearer ${await tokenOf('ann', { exp: Math.floor(Date.now() / 1000) - 600 })}`,
      `Bearer ${rs}`,
      `Bearer ${noExp}`,
      'Bearer x.y.z',
    ];
    for (const authorization of bad)
      for (const path of ['/api/v2/services', '/volumes', '/openapi.json', '/metrics', '/nowhere', '/api/v2/events']) {
        const r = await ask(path, authorization);
        expect([r.status, r.headers['www-authenticate']], `${path} ${authorization}`).toEqual([
          401,
          'Bearer realm="rexray"',
        ]);
        expect(r.text).not.toMatch(/memory|hidden|secret/);
      }
    expect((await ask('/api/v2/services', `Bearer ${good}`)).status).toBe(200);
    expect((await ask('/api/v2/services', `bearer ${good} `)).status).toBe(200);
  });

  it('a subject that is denied is told so', async () => {
    const r = await ask('/api/v2/services', `Bearer ${await tokenOf('Mallory')}`);
    expect([r.status, JSON.parse(r.text).code]).toEqual([403, 'denied']);
  });

  it('a service that a caller may not see is like one that does not exist, everywhere', async () => {
    const [ann, bob] = [`Bearer ${await tokenOf('ann')}`, `Bearer ${await tokenOf('bob')}`];
    const both = async (path: string, o?: object) => [await ask(path, ann, o), await ask(path, bob, o)] as const;
    const lists = [
      '/api/v2/services',
      '/api/v2/health',
      '/services',
      '/volumes',
      '/snapshots',
      '/metrics',
      '/readyz',
      '/api/v2/operations',
    ];
    for (const path of lists) expect((await ask(path, bob)).text, path).not.toMatch(/hidden|secret/);
    expect((await ask('/volumes', ann)).text).toContain('secret-volume');
    const id = encodeURIComponent((await (await (await on.as('ann')).integration('hidden')).get('secret-volume')).id);
    for (const path of [
      '/api/v2/services/SVC',
      '/api/v2/services/SVC/volumes',
      '/api/v2/services/SVC/volumes/secret-volume',
      '/api/v2/services/SVC/holders',
      '/services/SVC',
      '/volumes/SVC',
      `/volumes/SVC/${id}`,
      '/snapshots/SVC',
    ]) {
      const [mine, his] = await both(path.replace('SVC', 'hidden'));
      expect(mine.status, path).toBe(200);
      const absent = await ask(path.replace('SVC', 'hiddem'), bob);
      const same = (r: { text: string }) =>
        r.text.replace(/"(requestId|instance)":"[^"]*"/g, '').replaceAll('hiddem', 'hidden');
      expect([his.status, same(his)], path).toEqual([404, same(absent)]);
    }
    for (const [method, path, body] of [
      ['DELETE', '/api/v2/services/hidden/volumes/secret-volume', undefined],
      ['POST', '/api/v2/services/hidden/volumes', { name: 'mine' }],
      ['POST', '/volumes/hidden', { name: 'mine' }],
      ['POST', `/volumes/hidden/${id}?detach`, {}],
    ] as const)
      expect((await ask(path, bob, { method, body })).status, path).toBe(404);
    await (await (await on.as('ann')).integration('hidden')).get('secret-volume');
  });

  it('operations, events and kept answers of others are not to be had', async () => {
    const [ann, bob] = [await on.as('ann'), await on.as('bob')];
    const key = randomUUID();
    const name = unique();
    const made = (await ann.call('create', { name }, { service: 'hidden', idempotencyKey: key })) as { id: string };
    expect(made.id).toBeTruthy();
    const other = (await bob.call('create', { name: 'bobs' }, { service: 'memory', idempotencyKey: key })) as {
      name: string;
    };
    expect(other.name).toBe('bobs');
    const r = await ask(`/api/v2/services/hidden/volumes?dryRun=false`, `Bearer ${await tokenOf('ann')}`, {
      method: 'POST',
      body: { name: unique() },
    });
    expect(r.status).toBe(201);
    const heard: string[] = [];
    const stop = new AbortController();
    let opened = (): void => {};
    const open = new Promise<void>((resolve) => {
      opened = resolve;
    });
    const listening = (async () => {
      for await (const e of bob.events({ signal: stop.signal, onOpen: opened })) heard.push(JSON.stringify(e));
    })();
    await open;
    for (const service of ['hidden', 'memory'])
      on.events.emit('volume.created', {
        service,
        volume: `of-${service}`,
        requestId: 'x',
        at: new Date().toISOString(),
      });
    for (const end = Date.now() + 5000; heard.length === 0 && Date.now() < end; )
      await new Promise((x) => setTimeout(x, 10));
    stop.abort();
    await listening;
    expect(heard.join()).toContain('of-memory');
    expect(heard.join()).not.toContain('hidden');
  });

  it('who asks too often is told when to go on; others and the socket are not touched', async () => {
    const slow = await secure(cleanup, { config: { auth: { key: KEY }, rateLimit: { perSecond: 1, burst: 5 } } });
    const eve = connect({ url: slow.url, tls: { ca: slow.ca }, token: await tokenOf('eve') });
    cleanup.add(() => eve.close());
    const all = await Promise.allSettled(Array.from({ length: 60 }, () => eve.services()));
    const refused = all
      .filter((x) => x.status === 'rejected')
      .map((x) => x.reason as { code: string; details: object });
    expect(refused.length).toBeGreaterThanOrEqual(5);
    expect(refused[0]).toMatchObject({ code: 'exhausted', details: { limit: 1 } });
    expect((await (await slow.as('ann')).services()).length).toBe(1);
    for (let i = 0; i < 20; i++) await slow.client.services();
  });

  it('health is open, and tells nobody what is here', async () => {
    expect((await ask('/healthz')).text).toMatch(/^\{"ok":true/);
    expect((await ask('/readyz')).text).toBe('{"ok":true}');
    expect((await ask('/docs')).text).not.toMatch(/memory|secret-volume/);
    const bob = JSON.parse((await ask('/readyz', `Bearer ${await tokenOf('bob')}`)).text);
    expect(bob.checks.map((c: { name: string }) => c.name)).toEqual(['listening', 'audit', 'service memory']);
  });
});
