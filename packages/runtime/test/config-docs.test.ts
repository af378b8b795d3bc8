import { readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';

const at = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

it('docs/config.md is what the tables and schemas say (else: node scripts/config-docs.mjs)', async () => {
  const script = (await import(pathToFileURL(at('scripts/config-docs.mjs')).href)) as {
    page(load: (file: string) => Promise<unknown>): Promise<string>;
  };
  const text = await script.page((file) => import(pathToFileURL(file).href));
  expect(readFileSync(at('docs/config.md'), 'utf8')).toBe(text);
  expect(text).toContain('| `libstorage.service` |');
});
