import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storageConformance } from '@rexray/conformance';
import { bytes } from '@rexray/core';
import { describe, expect, it } from 'vitest';
import cupboard, { CupboardDriver } from '../src/index.ts';

storageConformance('cupboard', {
  runner: { describe, it },
  open: async () => {
    const root = mkdtempSync(join(tmpdir(), 'cupboard-'));
    const file = (id: string): string => join(root, id, 'content');
    return {
      driver: new CupboardDriver({ root }),
      reopen: async () => ({ driver: new CupboardDriver({ root }) }),
      another: async () => ({ driver: new CupboardDriver({ root }) }),
      content: {
        write: async (id: string, text: string) => writeFileSync(file(id), text),
        read: async (id: string) => readFileSync(file(id), 'utf8'),
      },
      close: async () => rmSync(root, { recursive: true, force: true }),
    };
  },
  classify: cupboard.plugin.classify,
  sizeBytes: bytes(2 ** 26),
});

describe('the example', () => {
  it('is a whole driver in at most 80 lines', () => {
    const source = readFileSync(new URL('../src/index.ts', import.meta.url), 'utf8');
    expect(source.trimEnd().split('\n').length).toBeLessThanOrEqual(80);
  });
});
