import { CODES, type Code, isVolumeError, OPS, VolumeError } from '@rexray/core';
import { describe, expect, it } from 'vitest';
import { lines, serverSent } from '../src/lines.ts';
import { fromProblem, toProblem } from '../src/problem.ts';
import { pathFields, routeOf } from '../src/routes.ts';
import { argsOf, fieldsOf, labelsOf, toWire } from '../src/wire.ts';

async function* chunks(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
}
async function all<T>(x: AsyncIterable<T>): Promise<T[]> {
  const out: T[] = [];
  for await (const y of x) out.push(y);
  return out;
}

describe('wire', () => {
  it('arguments become fields and come back as the same arguments, for every verb', () => {
    for (const op of OPS) {
      const route = routeOf(op);
      const options = {
        one: 1,
        two: ['x'],
        signal: AbortSignal.abort(),
        timeoutMs: 5,
        requestId: 'r',
        gone: undefined,
      };
      const args = [...route.args.map((name) => `the ${name}`), options];
      const { fields } = fieldsOf(route, args);
      expect(argsOf(route, fields, {}), op).toEqual([...args.slice(0, -1), { one: 1, two: ['x'] }]);
    }
  });

  it('every field of a path is a positional argument, or the service', () => {
    for (const op of OPS) {
      const route = routeOf(op);
      for (const name of pathFields(route.path)) expect(['service', ...route.args]).toContain(name);
    }
  });

  it('names are encoded; labels and repeated values stand in the query', () => {
    const get = toWire(routeOf('holders.release'), { volume: 'a', holder: 'csi:/var/x y' }, 's/1');
    expect(get.target).toBe('/api/v2/services/s%2F1/volumes/a/holders/csi%3A%2Fvar%2Fx%20y');
    const list = toWire(routeOf('list'), { labels: { a: 'b=c', ü: '' }, limit: 5 }, 's', 9);
    const query = new URLSearchParams(list.target.split('?')[1]);
    expect(labelsOf(query.getAll('label'))).toEqual({ a: 'b=c', ü: '' });
    expect([query.get('limit'), query.get('timeoutMs')]).toEqual(['5', '9']);
    expect(Object.getPrototypeOf(labelsOf(['__proto__=x']))).toBeNull();
  });

  it('lines do not depend on how the bytes were cut', async () => {
    const text = 'äöü\r\n\nzwei\ndrei';
    for (const size of [1, 2, 3, 100])
      expect(await all(lines(chunks(text, size)))).toEqual(['äöü', '', 'zwei', 'drei']);
  });

  it('server-sent events: fields, comments, data of several lines, ids alone', async () => {
    const text =
      ': hello\n\nid: 1\nevent: a\ndata: {"x":1}\n\nretry: 5\ndata:one\ndata: two\n\nid: 7\n\n:\n\ndata: cut off';
    for (const size of [1, 7, 1000]) {
      expect(await all(serverSent(chunks(text, size)))).toEqual([
        { id: '1', event: 'a', data: '{"x":1}' },
        { data: 'one\ntwo' },
        { id: '7' },
      ]);
    }
  });

  it('problem documents carry every error there and back', () => {
    for (const code of Object.keys(CODES) as Code[]) {
      const e = new VolumeError(code, 'It "failed".', {
        details: { a: [1], b: null } as never,
        hint: 'Do it.',
        place: { volume: 'v', service: 's', requestId: 'r' },
        cause: new Error('a secret'),
      });
      const p = JSON.parse(JSON.stringify(toProblem(e)));
      expect(p.status).toBe(CODES[code].http);
      expect(JSON.stringify(p)).not.toContain('secret');
      expect(fromProblem(p, p.status, 'x').toJSON()).toEqual(e.toJSON());
    }
  });

  it('what is no problem document is an error by its status', () => {
    for (const [status, code] of [
      [404, 'not_found'],
      [502, 'unavailable'],
      [418, 'internal'],
      [401, 'unauthenticated'],
    ] as const)
      for (const x of [undefined, null, 'page', { code: 'constructor', detail: 'x' }, { code: 'busy' }])
        expect(isVolumeError(fromProblem(x, status, 'GET /'), code), `${status}`).toBe(true);
  });
});
