/** publint over every package that is published. Its build output must be there. */
import { join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { ROOT, workspacePackages } from './setup.mjs';

let errors = 0;
for (const { dir, json } of workspacePackages().filter((p) => p.json.private !== true)) {
  const { messages, pkg } = await publint({ pkgDir: join(ROOT, dir), level: 'warning', strict: true, pack: false });
  for (const m of messages) console.error(`${dir}: ${m.type}: ${formatMessage(m, pkg, { color: false })}`);
  errors += messages.length;
  for (const field of ['description', 'license', 'repository', 'keywords', 'engines', 'files', 'exports']) {
    if (json[field] !== undefined) continue;
    console.error(`${dir}: package.json has no ${field}`);
    errors++;
  }
}
console.log(errors === 0 ? 'publint: ok' : `publint: ${errors} findings`);
process.exitCode = errors === 0 ? 0 : 1;
