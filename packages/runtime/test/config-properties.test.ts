import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Cleanup } from '@rexray/rig';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { envNames, KEYS, type Key, keySpec } from '../src/config/index.ts';
import { leaves } from '../src/config/tree.ts';
import { parseDuration } from '../src/config/values.ts';
import { parseYaml } from '../src/config/yaml.ts';
import { type Place, place } from './config-place.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());
let p: Place;
beforeEach(() => {
  p = place(cleanup);
});

const PREEMPT_WAIT = 'libstorage.integration.volume.operations.mount.retryWait' satisfies Key;
/** A key with random upper and lower case. */
const inAnyCase = (key: string): fc.Arbitrary<string> =>
  fc
    .array(fc.boolean(), { minLength: key.length, maxLength: key.length })
    .map((up) => [...key].map((c, i) => (up[i] ? c.toUpperCase() : c.toLowerCase())).join(''));

/** Lowest first. */
const SOURCES = [
  'root in global',
  'root in user',
  'rexray',
  'client',
  'server',
  'env',
  'service',
  'module',
  'flag',
  'override',
] as const;
type From = (typeof SOURCES)[number];
const PREFIX: Partial<Record<From, string>> = {
  rexray: 'rexray.',
  client: 'libstorage.client.',
  server: 'libstorage.server.',
  service: 'libstorage.server.services.s.',
  module: 'rexray.modules.m.',
};

describe('precedence', () => {
  it('override > flag > module > service > environment > server > client > rexray > user file > global file > default', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.subarray([...SOURCES]),
        fc.array(inAnyCase(PREEMPT_WAIT), { minLength: 10, maxLength: 10 }),
        fc.boolean(),
        async (sources, spellings, inUser) => {
          const ms = (s: From): number => SOURCES.indexOf(s) + 1;
          const key = (s: From): string => `${PREFIX[s] ?? ''}${spellings[SOURCES.indexOf(s)]}`;
          const lines = (of: readonly From[]): string =>
            of
              .filter((s) => sources.includes(s))
              .map((s) => `${key(s)}: ${ms(s)}ms\n`)
              .join('');
          const scoped: From[] = ['rexray', 'client', 'server', 'service', 'module'];
          for (const f of ['rexray/etc/rexray.yml', 'home/.rexray/rexray.yml']) rmSync(join(p.dir, f), { force: true });
          p.write(
            'rexray/etc/rexray.yml',
            `libstorage.server.services.s.driver: memory\n${lines(['root in global', ...(inUser ? [] : scoped)])}`,
          );
          p.write('home/.rexray/rexray.yml', lines(['root in user', ...(inUser ? scoped : [])]));
          const c = await p.load({
            vars: sources.includes('env') ? { [envNames(PREEMPT_WAIT)[0] ?? '']: `${ms('env')}ms` } : {},
            ...(sources.includes('flag') && { flags: { [key('flag')]: `${ms('flag')}ms` } }),
            ...(sources.includes('override') && { overrides: { [key('override')]: `${ms('override')}ms` } }),
          });
          const expected = SOURCES.toReversed().find((s) => sources.includes(s));
          expect(c.operations({ service: 's', module: 'm' }).mount.retryWaitMs).toBe(
            expected === undefined ? 5000 : ms(expected),
          );
          const { source } = c.origin(PREEMPT_WAIT, { service: 's', module: 'm' });
          expect(source).toBe(
            expected === undefined
              ? 'default'
              : expected === 'override' || expected === 'flag' || expected === 'env'
                ? expected
                : 'file',
          );
        },
      ),
      { numRuns: 150 },
    );
  });

  it('an empty variable is none', async () => {
    p.write('rexray/etc/rexray.yml', 'rexray.logLevel: info\n');
    expect((await p.load({ vars: { REXRAY_LOGLEVEL: '' } })).logLevel).toBe('info');
  });
});

describe('keys', () => {
  const scalarKeys = KEYS.filter((k) => !k.key.includes('<') && k.type === 'string');

  it('are the same in any case, nested or with dots', () => {
    fc.assert(
      fc.property(fc.constantFrom(...scalarKeys), fc.context(), (spec, _ctx) => {
        fc.assert(
          fc.property(inAnyCase(spec.key), fc.nat(), (written, cut) => {
            const parts = written.split('.');
            const dotted = cut % parts.length;
            const head = parts.slice(0, parts.length - dotted);
            const tail = parts.slice(parts.length - dotted).join('.');
            const all = tail === '' ? head : [...head, tail];
            const text = all.map((part, i) => `${'  '.repeat(i)}${part}:`).join('\n');
            const [leaf] = [...leaves(parseYaml(`${text} value\n`, 'f'))];
            expect(leaf?.path.join('.').toLowerCase()).toBe(spec.key.toLowerCase());
            expect(leaf?.leaf).toMatchObject({ value: 'value', place: { line: all.length } });
            expect(keySpec(written)?.key).toBe(spec.key);
          }),
          { numRuns: 5 },
        );
      }),
      { numRuns: 40 },
    );
  });

  it('have one row each, a readable default, and names that no two share in the environment', async () => {
    const low = KEYS.map((k) => k.key.toLowerCase());
    expect(new Set(low).size).toBe(low.length);
    const env = KEYS.flatMap((k) => envNames(k.key).slice(0, 1));
    expect(new Set(env).size).toBe(env.length);
    expect(envNames('rexray.modules.default-docker.host')).toEqual([
      'REXRAY_MODULES_DEFAULT_DOCKER_HOST',
      'REXRAY_MODULES_DEFAULT-DOCKER_HOST',
    ]);
    const c = await p.load();
    for (const e of c.entries()) expect(['default', 'unset'], e.key).toContain(e.source);
  });
});

describe('values', () => {
  it('reads any duration that Go prints', () => {
    fc.assert(
      fc.property(fc.nat(1e9), (ms) => {
        const h = Math.floor(ms / 3_600_000);
        const m = Math.floor(ms / 60_000) % 60;
        const s = (ms % 60_000) / 1000;
        expect(parseDuration(`${h > 0 ? `${h}h` : ''}${h > 0 || m > 0 ? `${m}m` : ''}${s}s`)).toBeCloseTo(ms, 3);
      }),
    );
  });

  it('never takes text that is no duration, and never throws', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const ms = parseDuration(text);
        if (ms !== undefined) expect(/^\+?(0|[\d.]+(ns|us|µs|μs|ms|s|m|h))/.test(text.trim()), text).toBe(true);
      }),
    );
  });

  it('reads any text as YAML or says `invalid`', () => {
    const bits = fc.constantFrom(
      'a',
      ': ',
      '\n',
      '  ',
      '- ',
      '&x ',
      '*x',
      '<<',
      '"',
      "'",
      '{',
      '}',
      '[',
      ']',
      '#',
      '|',
      '>',
      '\t',
      '0700',
      '?',
      '!!str ',
      '---\n',
      'password',
      '.',
    );
    fc.assert(
      fc.property(fc.array(bits, { maxLength: 30 }), (parts) => {
        try {
          parseYaml(parts.join(''), 'f');
        } catch (e) {
          expect((e as { code?: string }).code, parts.join('')).toBe('invalid');
        }
      }),
      { numRuns: 2000 },
    );
  });
});
