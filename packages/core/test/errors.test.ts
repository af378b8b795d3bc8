import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { CODES, type Code, isCode, isVolumeError, notFound, reviveError, VolumeError } from '../src/index.ts';

const dir = mkdtempSync(join(tmpdir(), 'rexray-test-'));
afterAll(() => rmSync(dir, { recursive: true }));

describe('errors', () => {
  it('the table has one meaning a code; wires can tell them apart', () => {
    const codes = Object.keys(CODES) as Code[];
    expect(new Set(codes.map((c) => CODES[c].meaning)).size).toBe(codes.length);
    for (const c of codes) {
      expect(CODES[c].http, c).toBeGreaterThanOrEqual(400);
      expect(CODES[c].exit, c).toBeGreaterThan(0);
      expect(isCode(c)).toBe(true);
    }
    expect(new Set(codes.map((c) => CODES[c].grpc)).size).toBe(codes.length);
    for (const no of ['', 'toString', '__proto__', 5, undefined]) expect(isCode(no)).toBe(false);
  });

  it('two copies of core agree', async () => {
    cpSync(fileURLToPath(new URL('../src/errors.ts', import.meta.url)), join(dir, 'errors.ts'));
    const other = (await import(pathToFileURL(join(dir, 'errors.ts')).href)) as typeof import('../src/errors.ts');
    expect(other.VolumeError).not.toBe(VolumeError);
    const theirs = new other.VolumeError('in_use', 'held', { details: { holders: ['cli'] } });
    expect(theirs instanceof VolumeError).toBe(false);
    expect(isVolumeError(theirs)).toBe(true);
    expect(isVolumeError(theirs, 'in_use', 'busy')).toBe(true);
    expect(isVolumeError(theirs, 'busy')).toBe(false);
    expect(other.isVolumeError(notFound('volume', 'a'))).toBe(true);
    expect(reviveError(theirs)).toBe(theirs);
  });

  it('nothing else is one', () => {
    for (const x of [new Error('x'), { code: 'busy', name: 'VolumeError' }, null, undefined, 'busy', 5, () => 1]) {
      expect(isVolumeError(x)).toBe(false);
    }
  });

  it('goes over a wire without its cause', () => {
    const e = new VolumeError('busy', 'Volume "a" is busy.', {
      details: { op: 'mount', pid: 7 },
      hint: 'Wait.',
      cause: new Error('token hunter2'),
      place: { volume: 'a', service: 's', requestId: 'r' },
    });
    const wire = JSON.stringify(e);
    expect(wire).not.toContain('hunter2');
    const back = reviveError(JSON.parse(wire));
    expect(back.toJSON()).toEqual(e.toJSON());
    expect(back.text).toBe('Volume "a" is busy. Wait.');
    expect(back.retryable).toBe(true);
    expect(isVolumeError(back, 'busy')).toBe(true);
    expect(e.cause).toBeInstanceOf(Error);
    expect(String(e.stack)).toContain('Volume "a" is busy.');
  });

  it('makes an error of whatever the other side sends', () => {
    fc.assert(
      fc.property(fc.anything(), (x) => {
        const e = reviveError(x);
        expect(isVolumeError(e)).toBe(true);
        expect(isCode(e.code)).toBe(true);
        expect(typeof e.message).toBe('string');
        expect(typeof e.details).toBe('object');
      }),
    );
    expect(reviveError({ code: 'no_such', message: 'm', details: { a: 1 } })).toMatchObject({
      code: 'internal',
      message: 'm',
      details: {},
    });
    expect(reviveError('plain words').message).toBe('plain words');
    expect(reviveError({ code: 'busy', message: 'm', volume: { x: 1 } }).place).toEqual({});
  });

  it('names near ones', () => {
    expect(notFound('volume', 'dta', ['data', 'date']).text).toBe(
      'volume "dta" does not exist. Did you mean "data" or "date"?',
    );
  });
});
