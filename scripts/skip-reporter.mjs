/** A vitest reporter that writes which tests were skipped and why: the JSON report does not carry the reason. */
import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { ROOT } from './setup.mjs';

export default class SkipReporter {
  onTestRunEnd(modules) {
    const skipped = modules.flatMap((module) =>
      [...module.children.allTests('skipped')].map((test) => ({
        file: relative(ROOT, module.moduleId),
        name: test.fullName,
        why: test.result().note ?? /\[skipped: ([^\]]*)\]/.exec(test.fullName)?.[1],
      })),
    );
    writeFileSync(process.env.REXRAY_SKIPS_FILE, JSON.stringify(skipped));
  }
}
