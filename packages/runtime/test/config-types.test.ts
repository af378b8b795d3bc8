import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import memory from '@rexray/driver-memory';
import { Cleanup } from '@rexray/rig';
import { afterEach, describe, expect, expectTypeOf, it } from 'vitest';
import { defineConfig, type ServiceParams } from '../src/config/index.ts';
import { openRexray } from '../src/open.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Compiled, never run: what is wrong here is an error of the type check. */
export function negatives(): void {
  // @ts-expect-error a slip in an operation
  defineConfig({ services: { a: { driver: 'memory' } }, operations: { mount: { premept: true } } });
  // @ts-expect-error a setting that the driver does not have
  defineConfig({ services: { a: { driver: 'memory', config: { nothing: 1 } } } });
  // @ts-expect-error a bare number is no size
  defineConfig({ services: {}, operations: { create: { default: { size: 16 } } } });
  // @ts-expect-error a duration has a unit
  defineConfig({ services: {}, operations: { mount: { retryWait: '5' } } });
  // @ts-expect-error the default is one of the services
  defineConfig({ services: { a: { driver: 'memory' } }, defaultService: 'b' });
  // @ts-expect-error a driver that was not called
  defineConfig({ services: { a: memory } });
  // @ts-expect-error services and a file
  openRexray({ config: 'f.yml', services: { a: { driver: 'memory' } } });
}

describe('types of a configuration', () => {
  it('keep the names and the parameters of each service', () => {
    const c = defineConfig({
      services: { byValue: memory(), byName: { driver: 'memory' }, other: { driver: 'acme', config: { anything: 1 } } },
      defaultService: 'byName',
      operations: { create: { default: { size: '16GiB' } }, mount: { retryWait: '5s' } },
    });
    type S = typeof c.services;
    expectTypeOf<keyof S>().toEqualTypeOf<'byValue' | 'byName' | 'other'>();
    expectTypeOf<ServiceParams<S['byName']>>().toEqualTypeOf<ServiceParams<S['byValue']>>();
    expectTypeOf<ServiceParams<S['other']>>().toEqualTypeOf<unknown>();
    expect(c.services.byName).toEqual({ driver: 'memory' });
  });

  it('the real overloads are in that order: what is inferred is the last one', () => {
    expectTypeOf<Parameters<typeof openRexray>[0]>().toHaveProperty('services').not.toBeUndefined();
    expectTypeOf<undefined>().not.toExtend<Parameters<typeof openRexray>[0]>();
  });

  it('a slip in `operations` is reported as that, with the right name: the overload for files comes first', () => {
    const dir = cleanup.tempDir();
    const config = {
      extends: here('../../../tsconfig.base.json'),
      compilerOptions: {
        noEmit: true,
        rewriteRelativeImportExtensions: false,
        customConditions: ['@rexray/source'],
        typeRoots: [here('../../../node_modules/@types')],
      },
      files: ['slip.ts'],
    };
    writeFileSync(join(dir, 'package.json'), '{"type":"module"}');
    writeFileSync(join(dir, 'tsconfig.json'), JSON.stringify(config));
    // Types alone, since compiling all that the runtime stands on takes ten times as long.
    const source = `import type { Config, FileForm, Services } from ${JSON.stringify(here('../src/config/define.ts'))};
declare function openRexray(o?: FileForm): Promise<void>;
declare function openRexray<const S extends Services>(o: Config<S> & { readonly services: S }): Promise<void>;
await openRexray({ services: { a: { driver: 'x' } }, operations: { mount: { premept: true } } });
`;
    writeFileSync(join(dir, 'slip.ts'), source);
    const tsc = spawnSync(here('../../../node_modules/.bin/tsc'), ['-p', dir, '--pretty', 'false'], {
      encoding: 'utf8',
    });
    const said = tsc.stdout.split(/\n(?=\S)/).filter((l) => l.startsWith('slip.ts') || l.includes('/slip.ts'));
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(/'premept' does not exist.*|Did you mean to write 'preempt'/);
    expect(said[0]).toContain("'preempt'");
    expect(said[0]).not.toContain("'services' does not exist");
  }, 60_000);
});
