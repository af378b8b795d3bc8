import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { importsOf, lintImports } from '../lint-imports.mjs';

const made = [];
afterEach(() => {
  for (const dir of made.splice(0)) rmSync(dir, { recursive: true, force: true });
});

/** A workspace with one package that has one source file. */
function workspace(dir, text, { file = 'src/index.ts', dependencies = {} } = {}) {
  const root = mkdtempSync(join(tmpdir(), 'rexray-imports-'));
  made.push(root);
  const at = join(root, dir, file);
  mkdirSync(dirname(at), { recursive: true });
  writeFileSync(
    join(root, dir, 'package.json'),
    JSON.stringify({ name: `@rexray/${dir.split('/')[1]}`, dependencies }),
  );
  writeFileSync(at, text);
  return root;
}
const violations = (...args) => lintImports(workspace(...args));
const declared = (...names) => ({ dependencies: Object.fromEntries(names.map((n) => [n, '*'])) });

describe('import rules', () => {
  it.each([
    [
      'core imports nothing internal',
      'packages/core',
      "import type { A } from '@rexray/kernel';",
      declared('@rexray/kernel'),
    ],
    ['core does no I/O', 'packages/core', "import { readFileSync } from 'node:fs';"],
    ['kernel imports nothing internal', 'packages/kernel', "import '@rexray/core';", declared('@rexray/core')],
    [
      'a driver does not see the host',
      'plugins/ebs',
      "export * from '@rexray/host-linux';",
      declared('@rexray/host-linux'),
    ],
    [
      'a driver does not see another driver',
      'plugins/local-dir',
      "import '@rexray/driver-memory';",
      declared('@rexray/driver-memory'),
    ],
    ['the kernel is not for every driver', 'plugins/ebs', "import '@rexray/kernel';", declared('@rexray/kernel')],
    [
      'by import(): still refused for a driver',
      'plugins/ebs',
      "await import('@rexray/runtime');",
      declared('@rexray/runtime'),
    ],
    [
      'runtime loads hosts by name only',
      'packages/runtime',
      "import '@rexray/host-linux';",
      declared('@rexray/host-linux'),
    ],
    ['koffi only in kernel', 'packages/host-linux', "import koffi from 'koffi';", declared('koffi')],
    ['lmdb only in its store', 'packages/runtime', "import { open } from 'lmdb';", declared('lmdb')],
    [
      'tsyringe only in runtime/src/plugins',
      'packages/runtime',
      "import { container } from 'tsyringe';",
      declared('tsyringe'),
    ],
    ['execa only where children run', 'packages/store-lmdb', "import { execa } from 'execa';", declared('execa')],
    [
      'child processes only where children run',
      'packages/frontend-docker',
      "import { spawn } from 'node:child_process';",
    ],
    [
      'a computed import only in the loader',
      'packages/frontend-docker',
      'export const load = (n: string) => import(n);',
    ],
    ['a relative import stays in its package', 'packages/runtime', "import { x } from '../../core/src/x.ts';"],
    ['what is imported is declared', 'plugins/ebs', "import { XMLParser } from 'fast-xml-parser';"],
    [
      'createRequire() counts',
      'packages/runtime',
      "const l = createRequire(import.meta.url)('lmdb');",
      declared('lmdb'),
    ],
    ['require() counts', 'packages/runtime', "const l = require('lmdb');", declared('lmdb')],
  ])('catches: %s', (_what, dir, text, o) => {
    const found = violations(dir, text, o);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/^(packages|plugins)\/[^:]+:1: /);
  });

  it.each([
    [
      'packages/host-linux',
      "import '@rexray/core'; import '@rexray/kernel'; import 'execa';",
      declared('@rexray/core', '@rexray/kernel', 'execa'),
    ],
    ['plugins/local-loop', "import '@rexray/kernel'; import { x } from './driver.ts';", declared('@rexray/kernel')],
    [
      'packages/runtime',
      "await import('@rexray/host-linux'); const n = 'x'; await import(n);",
      declared('@rexray/host-linux'),
    ],
    ['packages/core', "import { EventEmitter } from 'eventemitter3'; // import 'node:fs'", declared('eventemitter3')],
    ['packages/kernel', "import koffi from 'koffi'; const s = \"import('lmdb')\";", declared('koffi')],
  ])('lets pass: %s', (dir, text, o) => {
    expect(violations(dir, text, o)).toEqual([]);
  });

  it('lets tsyringe pass in its home', () => {
    const o = { file: 'src/plugins/container.ts', ...declared('tsyringe') };
    expect(violations('packages/runtime', "import { container } from 'tsyringe';", o)).toEqual([]);
  });

  it('a test of a package may not reach into another by path', () => {
    const found = violations('packages/core', "import { x } from '../../kernel/src/x.ts';", { file: 'test/x.test.ts' });
    expect(found).toHaveLength(1);
  });

  it('a contract suite of core is called where it lives, by tests only', () => {
    const text = "import { x } from '../../core/test/store-contract.ts';";
    expect(violations('packages/store-lmdb', text, { file: 'test/x.test.ts' })).toEqual([]);
    expect(violations('packages/store-lmdb', text)).toHaveLength(1);
  });

  it('reads every way to import', () => {
    const text =
      "import 'a'; import type { B } from 'b'; export * from 'c'; import('d'); export { e } from 'e'; type F = import('f').F;";
    expect(
      importsOf('x.ts', text)
        .map((i) => i.name)
        .sort(),
    ).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  });
});
