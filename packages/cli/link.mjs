/** Part of the build: the program may be run, and in the workspace `bin/rexray` at the root runs it. */
import { chmodSync, existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = dirname(fileURLToPath(import.meta.url));
const file = join(HERE, 'dist/main.js');
chmodSync(file, 0o755);
const root = join(HERE, '../..');
if (existsSync(join(root, 'pnpm-workspace.yaml'))) {
  const at = join(root, 'bin/rexray');
  mkdirSync(dirname(at), { recursive: true });
  rmSync(at, { force: true });
  symlinkSync(relative(dirname(at), file), at);
}
