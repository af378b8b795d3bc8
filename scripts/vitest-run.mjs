/** Runs one vitest project and reads the real counts from its JSON report. */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { bin, ROOT, run } from './setup.mjs';

/** Where reports of the last run stay (not under version control). */
export const OUT = join(ROOT, '.ci', 'out');

/**
 * @returns {Promise<{ passed: number, failed: number, skipped: { name: string, file: string, why?: string }[], failures: string[], status: number }>}
 */
export async function vitest(project, args = [], env = {}) {
  mkdirSync(OUT, { recursive: true });
  const file = join(OUT, `vitest-${project}.json`);
  const skips = join(OUT, `skips-${project}.json`);
  for (const f of [file, skips]) rmSync(f, { force: true });
  const reporters = ['default', 'json', './scripts/skip-reporter.mjs'].map((r) => `--reporter=${r}`);
  const options = ['run', `--project=${project}`, ...reporters, `--outputFile.json=${file}`, ...args];
  const { status } = await run(bin('vitest'), options, { env: { ...env, REXRAY_SKIPS_FILE: skips } });
  if (!existsSync(file)) {
    return { passed: 0, failed: 1, skipped: [], failures: [`vitest ${project} made no report`], status };
  }
  const counts = countsOf(JSON.parse(readFileSync(file, 'utf8')), status);
  const reasons = existsSync(skips) ? JSON.parse(readFileSync(skips, 'utf8')) : [];
  return { ...counts, ...(reasons.length === counts.skipped.length && { skipped: reasons }), status };
}

/** A file that did not load has no tests in the report: it counts as one failure, so that nothing red looks green. */
export function countsOf(report, status) {
  const found = { passed: 0, failed: 0, skipped: [], failures: [] };
  for (const file of report.testResults) {
    const path = relative(ROOT, file.name);
    for (const test of file.assertionResults) {
      const name = [...test.ancestorTitles, test.title].join(' › ');
      if (test.status === 'passed') found.passed++;
      else if (test.status === 'failed') found.failures.push(`${path}: ${name}`);
      else found.skipped.push({ name, file: path });
    }
    const loaded = file.status !== 'failed' || file.assertionResults.some((t) => t.status === 'failed');
    if (!loaded) found.failures.push(`${path}: ${firstLine(file.message) || 'the file failed'}`);
  }
  if (status !== 0 && found.failures.length === 0) found.failures.push(`vitest ended with status ${status}`);
  found.failed = found.failures.length;
  return found;
}

const firstLine = (text) => (text ?? '').split('\n')[0];
