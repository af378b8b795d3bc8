import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isVolumeError } from '../src/index.ts';
import { nearest, parse, schema, secretPaths, Type } from '../src/schema.ts';

const shape = Type.Object({
  endpoint: Type.String({ default: 'https://local' }),
  retry: Type.Object({
    count: Type.Integer({ default: 3, minimum: 0 }),
    wait: Type.Object({ ms: Type.Number({ default: 100 }) }),
  }),
  force: Type.Boolean({ default: false }),
  tier: Type.Optional(Type.Union([Type.Literal('ssd'), Type.Literal('hdd'), Type.Literal(7)])),
  token: Type.Optional(Type.String({ writeOnly: true, minLength: 3 })),
  proxy: Type.Optional(
    Type.Object({
      host: Type.String(),
      password: Type.String({ writeOnly: true }),
      port: Type.Integer({ default: 80 }),
    }),
  ),
  roots: Type.Optional(Type.Array(Type.String())),
  ports: Type.Optional(Type.Array(Type.Integer())),
  nodes: Type.Optional(
    Type.Array(
      Type.Object({
        name: Type.String(),
        secret: Type.String({ writeOnly: true }),
        weight: Type.Integer({ default: 1 }),
      }),
    ),
  ),
  tags: Type.Optional(Type.Record(Type.String(), Type.String())),
});
const s = schema(shape);
const whole = { endpoint: 'https://local', retry: { count: 3, wait: { ms: 100 } }, force: false };
const refusal = (value: unknown): { text: string; path: string | undefined } => {
  try {
    parse(s, value, 'service "x"');
  } catch (e) {
    if (isVolumeError(e, 'invalid')) return { text: e.text, path: e.details.path };
    throw e;
  }
  throw new Error('was accepted');
};

describe('a schema', () => {
  it('fills defaults at every depth; null (an empty key of YAML) is absent', () => {
    for (const empty of [undefined, null, {}, { endpoint: null, retry: null }, { retry: { wait: {} } }]) {
      expect(parse(s, empty, 'x')).toEqual(whole);
    }
    expect(parse(s, { proxy: { host: 'h', password: 'p' } }, 'x').proxy).toEqual({
      host: 'h',
      password: 'p',
      port: 80,
    });
    expect(parse(s, { nodes: [{ name: 'a', secret: 's' }] }, 'x').nodes?.[0]?.weight).toBe(1);
    expect(parse(s, {}, 'x').proxy).toBeUndefined();
  });

  it('does not change what it is given, nor share its defaults', () => {
    const given = Object.freeze({ retry: Object.freeze({ count: '5' }) });
    const one = parse(s, given, 'x');
    expect(one.retry.count).toBe(5);
    (one.retry as { count: number }).count = 9;
    expect(parse(s, {}, 'x')).toEqual(whole);
  });

  it('converts text, exactly or not at all', () => {
    expect(
      parse(
        s,
        {
          force: 'True',
          retry: { count: '7', wait: { ms: ' 1.5e3 ' } },
          roots: '/a, /b',
          ports: '1 2',
          tier: '7',
          tags: { n: 5 },
          endpoint: 5,
        },
        'x',
      ),
    ).toMatchObject({
      force: true,
      retry: { count: 7, wait: { ms: 1500 } },
      roots: ['/a', '/b'],
      ports: [1, 2],
      tier: 7,
      tags: { n: '5' },
      endpoint: '5',
    });
    for (const bad of [
      { retry: { count: '1.5' } },
      { retry: { count: '' } },
      { retry: { count: '0x10' } },
      { force: 'maybe' },
      { force: 1 },
      { ports: 'a' },
    ]) {
      expect(refusal(bad).path, JSON.stringify(bad)).toBeTruthy();
    }
  });

  it('says where, what is wrong and what was found', () => {
    expect(refusal({ retry: { count: -1 } })).toEqual({
      path: 'retry.count',
      text: 'service "x": "retry.count" must be >= 0. Found -1.',
    });
    expect(refusal({ tier: 'nvme' }).text).toContain('"tier" must be one of ssd, hdd, 7. Found "nvme".');
    expect(refusal({ proxy: { password: 'p' } })).toMatchObject({
      path: 'proxy.host',
      text: expect.stringContaining('is required'),
    });
    expect(refusal({ nodes: [{ name: 'a', secret: 's' }, { secret: 's' }] }).path).toBe('nodes.1.name');
    expect(refusal('text').text).toContain('the value must be object');
  });

  it('refuses keys that it does not know, at every depth, with near ones', () => {
    expect(refusal({ endpont: 'x' })).toMatchObject({
      path: 'endpont',
      text: expect.stringContaining('Did you mean endpoint?'),
    });
    expect(refusal({ retry: { wait: { mss: 1 } } })).toMatchObject({
      path: 'retry.wait.mss',
      text: expect.stringContaining('Did you mean ms?'),
    });
    expect(refusal({ proxy: { hosts: 'h', password: 'p' } }).text).toContain('Did you mean host?');
    expect(refusal({ nodes: [{ nam: 'a', secret: 's' }] }).text).toContain('Did you mean name?');
    expect(refusal({ qqqqqqqqq: 1 }).text).toContain('Known: endpoint, retry');
    expect(refusal(JSON.parse('{"__proto__":{"x":1}}')).path).toBe('__proto__');
    expect(
      parse(schema(Type.Object({ a: Type.Number() }, { additionalProperties: true })), { a: 1, b: 2 }, 'x'),
    ).toEqual({ a: 1, b: 2 });
  });

  it('never shows a secret', () => {
    const { text } = refusal({ token: 'ab' });
    expect(text).toContain('"token"');
    expect(text).not.toContain('ab"');
    expect(secretPaths(s['~standard'].jsonSchema.input())).toEqual(['token', 'proxy.password', 'nodes.*.secret']);
  });

  it('passes on what is no plain data', () => {
    const provider = (): string => 'secret';
    class Credentials {}
    const open = schema(Type.Object({ a: Type.Unknown(), b: Type.Unknown() }));
    const given = { a: provider, b: new Credentials() };
    const out = parse(open, given, 'x');
    expect(out.a).toBe(provider);
    expect(out.b).toBe(given.b);
  });

  it('gives a JSON Schema that says the same', () => {
    const json = s['~standard'].jsonSchema.input();
    expect(json).toMatchObject({ type: 'object', additionalProperties: false });
    expect(JSON.stringify(json)).not.toContain('~kind');
    expect((json.properties as Record<string, object>).retry).toMatchObject({ additionalProperties: false });
  });

  it('whatever the value: an answer that fits, or issues with paths', () => {
    fc.assert(
      fc.property(fc.anything(), (x) => {
        const r = s['~standard'].validate(x);
        if (r.issues === undefined) expect(s['~standard'].validate(r.value)).toEqual({ value: r.value });
        else expect(r.issues.length).toBeGreaterThan(0);
      }),
    );
  });
});

describe('near names', () => {
  it('are found by case and by typos, at most three', () => {
    expect(nearest('VOLUMEPATH', ['volumePath', 'other'])).toEqual(['volumePath']);
    expect(nearest('siz', ['zzz', 'sizes', 'size'])).toEqual(['size']);
    expect(nearest('holder', ['holdera', 'holderb', 'holderc', 'holderd'])).toHaveLength(3);
    expect(nearest('', ['a'])).toEqual([]);
    expect(nearest('x'.repeat(10_000), ['a', 'volume'])).toEqual([]);
  });
});
