import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT, workspacePackages } from '../setup.mjs';

const read = (file) => readFileSync(join(ROOT, file), 'utf8');
const documents = [
  ...readdirSync(ROOT).filter((f) => f.endsWith('.md')),
  ...readdirSync(join(ROOT, 'docs')).map((f) => join('docs', f)),
].filter((f) => f.endsWith('.md'));

const RULES = Array.from({ length: 25 }, (_, i) => `S${i + 1}`);

function sourcesBelow(dir) {
  if (!existsSync(join(ROOT, dir))) return [];
  const files = readdirSync(join(ROOT, dir), { recursive: true }).filter((f) => f.endsWith('.ts'));
  return files.map((f) => read(join(dir, f)));
}

/** Rules that the title of a test, or a rule of the conformance suites, carries: `S4: …`, `S2, S24: …`, `… (S10)`. */
function testedRules() {
  const tests = workspacePackages().flatMap(({ dir }) => sourcesBelow(join(dir, 'test')));
  const titles = tests.flatMap((t) =>
    [...t.matchAll(/\b(?:it|test|describe|suite)[\w.]*\(\s*(['"`])(.*?)\1/gs)].map((m) => m[2]),
  );
  const suites = sourcesBelow('packages/conformance/src').flatMap((t) =>
    [...t.matchAll(/says: ?(['"`])(.*?)\1/gs)].map((m) => m[2]),
  );
  return new Set([...titles, ...suites].flatMap((title) => title.match(/\bS\d+\b/g) ?? []));
}

describe('documents', () => {
  it.each(documents)('%s: what it links to is there', (file) => {
    const links = [...read(file).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map((m) => m[1]);
    expect(links.filter((l) => !existsSync(join(ROOT, dirname(file), l)))).toEqual([]);
  });

  it.each(documents)('%s: the code that it names is there', (file) => {
    const named = [...read(file).matchAll(/`((?:packages|plugins|scripts|tests|examples)\/[\w./-]+)`/g)].map(
      (m) => m[1],
    );
    expect([...new Set(named)].filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  it('README.md shows the first example as it is', () => {
    expect(read('README.md')).toContain(`\`\`\`ts\n${read('examples/01-embed/src/main.ts')}\`\`\``);
  });

  it('docs/safety.md has all rules, each once', () => {
    const rules = [...read('docs/safety.md').matchAll(/^\*\*(S\d+) /gm)].map((m) => m[1]);
    expect(rules).toEqual(RULES);
  });

  it('each safety rule has a test that carries its number, or says that it is not enforced yet', () => {
    const tested = testedRules();
    const sections = read('docs/safety.md').split(/^(?=\*\*S\d+ )/m);
    const open = new Set(sections.filter((s) => s.includes('*Not yet*')).map((s) => /^\*\*(S\d+)/.exec(s)?.[1]));
    expect(RULES.filter((rule) => !tested.has(rule) && !open.has(rule))).toEqual([]);
  });
});
