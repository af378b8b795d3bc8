/** Files of the REX-Ray era, as its documentation and its users have them: what each comes to, or the exact error. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cleanup } from '@rexray/rig';
import { afterAll, describe, expect, it } from 'vitest';
import type { EffectiveConfig } from '../src/config/index.ts';
import { errorOf, place } from './config-place.ts';

const DIR = new URL('corpus/', import.meta.url).pathname;
/** What a file comes to: names and drivers of services, modules (`type host service`, `off` where it is not started), raw values of further keys, operations that are not the default, warnings; or the error. */
interface Expected {
  readonly error?: string;
  readonly hint?: string;
  readonly services?: Readonly<Record<string, string>>;
  readonly defaultService?: string;
  readonly modules?: Readonly<Record<string, string>>;
  readonly values?: Readonly<Record<string, unknown>>;
  readonly operations?: object;
  readonly warnings?: readonly string[];
}
const CORPUS = JSON.parse(readFileSync(join(DIR, 'expected.json'), 'utf8')) as Readonly<Record<string, Expected>>;
const cleanup = new Cleanup();
afterAll(() => cleanup.run());

/** What differs from machine to machine. */
const plain = (text: string, dir: string, file: string): string => text.replaceAll(file, 'FILE').replaceAll(dir, 'DIR');

function seen(c: EffectiveConfig, keys: readonly string[]): Record<string, unknown> {
  return {
    services: Object.fromEntries(Object.values(c.services).map((s) => [s.name, s.driver])),
    defaultService: c.defaultService,
    modules: Object.fromEntries(
      Object.values(c.modules).map((m) => [
        m.name,
        `${m.type} ${m.disabled ? 'off' : (m.host ?? '-')} ${m.service ?? '-'}`,
      ]),
    ),
    values: Object.fromEntries(keys.map((k) => [k, c.origin(k, { service: c.defaultService }).value])),
  };
}

describe('configuration files of REX-Ray', () => {
  it('each has its expectation', () => {
    const files = readdirSync(DIR).filter((f) => f.endsWith('.yml'));
    expect(files.sort()).toEqual(Object.keys(CORPUS).sort());
  });

  it.each(Object.entries(CORPUS))('%s', async (name, expected) => {
    const p = place(cleanup);
    const file = p.write(
      `rexray/etc/${name.startsWith('0.3') ? 'config.yml' : 'rexray.yml'}`,
      readFileSync(join(DIR, name), 'utf8'),
    );
    if (expected.error !== undefined) {
      const e = await errorOf(p.load());
      expect(e.code).toBe('invalid');
      expect({ message: plain(e.message, p.dir, file), hint: e.hint }).toEqual({
        message: expected.error,
        hint: expected.hint,
      });
      return;
    }
    const c = await p.load();
    const { operations = {}, warnings = [], values = {}, ...rest } = expected;
    const at = seen(c, Object.keys(values));
    expect(JSON.parse(plain(JSON.stringify(at), p.dir, file))).toEqual({ modules: {}, ...rest, values });
    expect(c.operations({ service: c.defaultService })).toMatchObject(operations);
    expect(c.warnings.map((w) => plain(w, p.dir, file))).toEqual(warnings);
  });

  it('no error and no warning quotes a secret', async () => {
    const said: string[] = [];
    for (const name of Object.keys(CORPUS)) {
      const p = place(cleanup);
      p.write('rexray/etc/rexray.yml', readFileSync(join(DIR, name), 'utf8'));
      const c = await p.load().catch((e: Error & { hint?: string }) => {
        said.push(e.message, e.hint ?? '');
        return undefined;
      });
      said.push(...(c?.warnings ?? []), JSON.stringify(c?.entries() ?? ''));
    }
    expect(said.join('\n')).not.toMatch(
      /hunter2|MySecretKey|MyAccessKey|hidden-in-a-broken-file|opensesame|MySuperSecret/,
    );
  });
});
