/** The quick start, on what was built: under a temporary root, or with `--system` at the system's own places. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { choose } from './machine.mjs';
import { machineState, say, showState, total } from './report.mjs';

const system = process.argv.includes('--system');
const root = system ? '' : mkdtempSync(join(tmpdir(), 'rexray-quickstart-'));
if (!system) {
  process.env.HOME = join(root, 'home');
  for (const [name, dir] of Object.entries({
    ETC: 'etc/rexray',
    LIB: 'var/lib/rexray',
    LOG: 'var/log/rexray',
    RUN: 'run/rexray',
  })) {
    process.env[`REXRAY_HOME_${name}`] = join(root, dir);
  }
}
const { story } = await import('./story.mjs');
const chosen = choose();
const etc = join(root, 'etc/rexray');
const config = system ? join(mkdtempSync(join(tmpdir(), 'rexray-quickstart-')), 'config.yml') : join(etc, 'config.yml');
if (!system) mkdirSync(etc, { recursive: true });
const text = readFileSync(new URL('config.yml', import.meta.url), 'utf8').replaceAll('local-loop', chosen.service);
writeFileSync(config, text);

console.log(`REX-Ray quick start: ${system ? 'at the system’s own places' : `under ${root}`}`);
for (const note of chosen.notes) say(note);
const before = machineState(root || 'rexray');
showState('before', before);
try {
  await story({ config, ...chosen });
  const after = machineState(root || 'rexray');
  showState('after', after);
  if (JSON.stringify(after) !== JSON.stringify(before)) throw new Error('quickstart: the machine is not as it was');
  console.log(`\n${total()} in all\nquickstart: ok`);
} catch (e) {
  console.error(e?.text ?? e);
  console.error(`quickstart: failed; what it made is under ${root || config}`);
  process.exitCode = 1;
} finally {
  if (system) rmSync(config, { force: true });
  else if (process.exitCode !== 1) rmSync(root, { recursive: true, force: true });
}
