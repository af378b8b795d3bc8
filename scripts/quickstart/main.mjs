/** The story of the quick start, against what was built: a volume that is created, used, and gone again. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRexray } from '../../packages/runtime/dist/index.js';
import localDir from '../../plugins/local-dir/dist/index.js';

const root = mkdtempSync(join(tmpdir(), 'rexray-quickstart-'));
process.env.REXRAY_HOME = root;
try {
  const rex = await openRexray({ services: { files: localDir({ volumePath: join(root, 'volumes') }) } });
  try {
    const files = rex.service('files');
    await files.create('hello');
    const mount = await files.mount('hello');
    writeFileSync(join(mount.path, 'hello'), 'hello\n');
    console.log(mount.path);
    await mount.unmount();
    await files.remove('hello');
  } finally {
    await rex.close();
  }
  console.log('quickstart: ok');
} finally {
  rmSync(root, { recursive: true, force: true });
}
