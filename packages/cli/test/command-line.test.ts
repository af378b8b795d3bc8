import { addressFor } from '@rexray/rest-client';
import { describe, expect, it } from 'vitest';
import { normalized, plansAsDryRuns, withoutForeground } from '../src/command-line.ts';
import { createOptions } from '../src/commands/create-flags.ts';
import { knownFlags, wordsOf } from '../src/flags/known.ts';
import { run } from '../src/index.ts';
import { Redactor } from '../src/redact.ts';
import { GLOBAL_FLAGS } from '../src/table/index.ts';

const said = async (...argv: string[]): Promise<{ status: number; out: string; err: string }> => {
  let [out, err] = ['', ''];
  const status = await run(argv, {
    out: (t) => {
      out += t;
    },
    err: (t) => {
      err += t;
    },
    env: { HOME: '/nonexistent', REXRAY_HOME: '/nonexistent' },
    tty: false,
    signal: new AbortController().signal,
  });
  return { status, out, err };
};

describe('the command line', () => {
  it('takes long flags in any case, and Go’s =true and =false', () => {
    const program = knownFlags(['--volumeType <t>', '--overwriteFS'].map((flag) => ({ flag, about: '' })));
    expect(normalized(['create', '--volumetype', 'io1', '--OVERWRITEFS=true', 'x'], program)).toEqual([
      'create',
      '--volumeType',
      'io1',
      '--overwriteFS',
      'x',
    ]);
    expect(normalized(['--volumeType=Io1', '--overwritefs=false', '--', '--OVERWRITEFS'], program)).toEqual([
      '--volumeType=Io1',
      '--',
      '--OVERWRITEFS',
    ]);
  });

  it('starts as REX-Ray’s images do', () => {
    const known = knownFlags(GLOBAL_FLAGS);
    const line = (...argv: string[]): readonly string[] => withoutForeground(argv, wordsOf(argv, known));
    expect(line('start', '-f', '--nopid', '-l', 'debug')).toEqual(['start', '--nopid', '-l', 'debug']);
    expect(line('-l', 'debug', 'service', 'start', '-f')).toEqual(['-l', 'debug', 'service', 'start']);
    expect(line('volume', 'ls', '-f', 'json')).toEqual(['volume', 'ls', '-f', 'json']);
  });

  it('reads a plan as a dry run of the verb', () => {
    expect(plansAsDryRuns(['volume', 'plan', 'create', 'x', '--size', '5'])).toEqual([
      'volume',
      'create',
      'x',
      '--size',
      '5',
      '--dryRun',
    ]);
    expect(plansAsDryRuns(['volume', 'create', 'plan'])).toEqual(['volume', 'create', 'plan']);
  });

  it('-h is the host, -? is help; a wrong command names the near one, with exit status 2', async () => {
    expect((await said('-?')).out).toContain('-h, --host <address>');
    expect((await said('volume', 'create', '--help')).out).toContain('--overwriteFS');
    expect(await said('volume', 'crate')).toMatchObject({ status: 2, out: '', err: expect.stringContaining('create') });
    expect((await said('volume', 'ls', '--bogus')).status).toBe(2);
    expect((await said('volume', 'ls', '-f', 'xml')).err).toContain('"xml" is not a format');
    const wrong = await said('-h', 'nowhere', 'volume', 'ls', '-f', 'json');
    expect(JSON.parse(wrong.err)).toMatchObject({
      error: { code: 'invalid', message: expect.stringContaining('nowhere') },
    });
    const away = await said('-h', 'unix:///nonexistent/rexray.sock', 'volume', 'ls');
    expect(away).toMatchObject({ status: 1, err: expect.stringMatching(/^error: unavailable: /) });
  });

  it('says its version without loading anything', async () => {
    expect((await said('version')).out).toMatch(/^REX-Ray\n-------\nBinary: .*\nSemVer: \d/);
    expect(JSON.parse((await said('version', '-f', 'json')).out)).toMatchObject({ semVer: expect.any(String) });
  });

  it('knows addresses as REX-Ray writes them', () => {
    expect(addressFor('unix:///run/x.sock')).toEqual({ socketPath: '/run/x.sock' });
    expect(addressFor('/run/x.sock')).toEqual({ socketPath: '/run/x.sock' });
    expect(addressFor('tcp://127.0.0.1:7979')).toEqual({ url: 'tcp://127.0.0.1:7979' });
    expect(() => addressFor('x')).toThrow('is not the address');
  });

  it('makes options of a create from flags; what the table does not know is the driver’s', () => {
    expect(
      createOptions({ size: '5', fsType: 'xfs', overwriteFS: true, volumeType: 'io1', opt: ['label.a=b,tier=fast'] }),
    ).toEqual({
      size: 5 * 2 ** 30,
      fsType: 'xfs',
      overwriteFs: true,
      hints: { type: 'io1' },
      labels: { a: 'b' },
      params: { tier: 'fast' },
    });
    expect(() => createOptions({ iops: 'many' })).toThrow('iops');
  });

  it('hides what schemas mark, by name and by value', () => {
    const r = new Redactor();
    r.learn([{ properties: { token: { writeOnly: true }, a: { properties: { b: { writeOnly: true } } } } }], {
      token: 'sesame-open',
      a: { b: 'sesame' },
    });
    expect(r.clean({ token: 1, text: 'it is sesame-open, sesame', list: [{ b: 'x' }], encryptionKey: 'k' })).toEqual({
      token: '[hidden]',
      text: 'it is [hidden], [hidden]',
      list: [{ b: '[hidden]' }],
      encryptionKey: '[hidden]',
    });
  });
});
