/** Runs one vitest project and reads the real counts from its JSON report. */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { bin, ROOT, run } from './setup.mjs';

/** Where reports of the last run stay (not under version control). */
export const OUT = join(ROOT, '.ci', 'out');

/**
 * @returns {Promise<{ passed: number, failed: number, skipped: { name: string, file: string }[], failures: string[], status: number }>}
 */
export async function vitest(project, args = [], env = {}) {
  mkdirSync(OUT, { recursive: true });
  const file = join(OUT, `vitest-${project}.json`);
  rmSync(file, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const { status } = await run(bin('vitest'), ['run', `--project=${project}`, ...reporters, ...args], { env });
  if (!existsSync(file))
    return { passed: 0, failed: 1, skipped: [], failures: [`vitest ${project} made no report`], status };
  return { ...countsOf(JSON.parse(readFileSync(file, 'utf8')), status), status };
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
