/** Bugs of a few words, one at a time: the named test must notice each. */
import { execFile, execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BTRFS, Cleanup, EXT4, suite, WORKSPACE, XFS } from '@rexray/rig';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { MUTANTS, type Mutant } from '../src/mutants.ts';

interface Ran {
  readonly passed: number;
  readonly failed: number;
}

/** The sources in a place where they may be wrong; dependencies are those of the workspace. */
function copySources(to: string): void {
  for (const group of ['packages', 'plugins', 'tests']) {
    execFileSync('cp', ['-a', '--reflink=auto', join(WORKSPACE, group), to]);
  }
  for (const file of ['package.json', 'pnpm-workspace.yaml', 'tsconfig.base.json', 'vitest.config.ts']) {
    cpSync(join(WORKSPACE, file), join(to, file));
  }
  symlinkSync(join(WORKSPACE, 'node_modules'), join(to, 'node_modules'));
}

suite('mutants: each bug is noticed by a named test', {
  root: true,
  loop: true,
  programs: { ...XFS, ...EXT4, ...BTRFS },
}, () => {
  const cleanup = new Cleanup();
  let sources: string;
  beforeAll(() => {
    sources = join(cleanup.tempDir('rexray-mutants-'), 'sources');
    mkdirSync(sources);
    copySources(sources);
  });
  afterAll(() => cleanup.run());

  function test(m: Mutant): Promise<Ran> {
    const { project, file, test: name } = m.caughtBy;
    const report = join(sources, 'report.json');
    writeFileSync(report, '{}');
    const escaped = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    const args = [
      'node_modules/vitest/vitest.mjs',
      'run',
      '--root',
      sources,
      '--project',
      project,
      file,
      '-t',
      escaped,
    ];
    return new Promise((resolve, reject) => {
      const env = { ...process.env, SAFETY_RUNS: '300', SAFETY_SEED: '7', VITEST: '', CI: 'true' };
      const flags = ['--reporter=json', `--outputFile=${report}`];
      execFile(process.execPath, [...args, ...flags], { cwd: sources, env, timeout: 240_000 }, (_e, out, err) => {
        const r = JSON.parse(readFileSync(report, 'utf8')) as { numPassedTests?: number; numFailedTests?: number };
        if (r.numPassedTests === undefined) return reject(new Error(`vitest said nothing: ${out}${err}`));
        resolve({ passed: r.numPassedTests, failed: r.numFailedTests ?? 0 });
      });
    });
  }

  it.each(MUTANTS)('$name', { timeout: 600_000 }, async (m) => {
    const file = join(sources, m.file);
    const original = readFileSync(file, 'utf8');
    expect(original.split(m.from).length - 1, `${m.file} has the place to change once`).toBe(1);
    const sound = await test(m);
    expect(sound, 'the sound sources pass').toMatchObject({ failed: 0 });
    expect(sound.passed).toBeGreaterThan(0);
    try {
      writeFileSync(
        file,
        original.replace(m.from, () => m.to),
      );
      expect((await test(m)).failed, 'the bug is noticed').toBeGreaterThan(0);
    } finally {
      writeFileSync(file, original);
    }
  });
});
