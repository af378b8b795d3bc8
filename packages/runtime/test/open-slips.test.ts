import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isVolumeError } from '@rexray/core';
import localDir from '@rexray/driver-local-dir';
import memory from '@rexray/driver-memory';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openRexray } from '../src/index.ts';

let home: string;
beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), 'rexray-slips-')));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** What a program says that was never compiled: any value, any option. */
// biome-ignore lint/suspicious/noExplicitAny: slips that the compiler would refuse are the subject.
const open = (o: any) => openRexray({ env: { HOME: home, REXRAY_HOME: home }, ...o });

async function said(run: () => Promise<unknown>): Promise<string> {
  const e = await run().then(
    () => undefined,
    (x: unknown) => x,
  );
  return isVolumeError(e) ? `${e.code}: ${e.text}` : `no VolumeError: ${String(e)}`;
}

async function using(o: object, run: (volumes: ReturnType<Awaited<ReturnType<typeof open>>['service']>) => unknown) {
  const rex = await open(o);
  try {
    return await run(rex.service());
  } finally {
    await rex.close();
  }
}
const inMemory = { services: { m: memory({}) } };

describe('slips of somebody who embeds REX-Ray', () => {
  it.each([
    [{ service: { a: memory({}) } }, 'invalid: openRexray: "service" is not known here. Did you mean services?'],
    [
      { services: { a: 'local-dir' } },
      'invalid: services.a: "local-dir" is not a service. Write a: { driver: "local-dir" }.',
    ],
    [{ services: { a: { driver: 'local-lop' } } }, 'Did you mean local-loop'],
  ])('%o is refused', async (o, text) => {
    expect(await said(() => open({ root: false, ...o }))).toContain(text);
  });

  it.each([
    [{ size: 16 }, "invalid: size: 16 means 16 bytes. Write '16GiB' or gib(16)."],
    [{ size: '10GX' }, 'invalid: size: "10GX" is not a size'],
    [{ timeoutMs: '60s' }, 'invalid: timeoutMs: 60s is not a time'],
    [{ from: 'warm-cache' }, 'invalid: Volume "a": from: "warm-cache" does not say what to copy. Write from: {'],
    [{ from: { snapshot: 'none' } }, 'not_found: Snapshot "none" does not exist in service "m".'],
  ])('create with %o is refused', async (options, text) => {
    expect(await using(inMemory, (m) => said(() => m.create('a', options as never)))).toContain(text);
  });

  it('says in which service a volume is not', async () => {
    expect(await using(inMemory, (m) => said(() => m.get('nope')))).toBe(
      'not_found: Volume "nope" does not exist in service "m".',
    );
  });

  it('a file as the directory of volumes is refused with what to do', async () => {
    const file = join(home, 'file');
    writeFileSync(file, '');
    const services = { d: localDir({ volumePath: file }) };
    expect(await using({ services }, (d) => said(() => d.create('a')))).toMatch(
      /^invalid: .*ENOTDIR.*A part of that path is a file: configure a directory\.$/,
    );
  });

  it('volumes in memory need no place that lasts: the same program runs twice', async () => {
    for (let i = 0; i < 2; i++)
      expect(await using(inMemory, async (m) => (await m.create('a', { size: '1GiB' })).name)).toBe('a');
  });

  it('what is odd in a configuration is a warning of the process where no logger is given', async () => {
    const warnings: string[] = [];
    const hear = (w: Error): number => warnings.push(`${w.name}: ${w.message}`);
    process.on('warning', hear);
    try {
      await using({ ...inMemory, operations: { mount: { preemt: true } } }, () => undefined);
      await new Promise((resolve) => setImmediate(resolve));
    } finally {
      process.off('warning', hear);
    }
    expect(warnings.join('\n')).toMatch(
      /^RexrayWarning: .*mount\.preemt is not known.*did you mean .*mount\.preempt\?/,
    );
  });
});
