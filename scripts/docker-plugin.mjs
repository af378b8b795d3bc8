/**
 * `npm run build:docker-plugin -- [--driver local-loop] [--out <directory>]`: a managed plugin for `docker plugin create`, as a
 * directory with `config.json` and `rootfs`. Packages are installed from packed tarballs; Node, the programs of file systems
 * and their libraries are those of this machine.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { pluginConfig } from './docker-plugin/config.mjs';
import { rootfs } from './docker-plugin/rootfs.mjs';
import { packAll } from './pack.mjs';
import { build, fail, install, ROOT, requireNode, run, workspacePackages } from './setup.mjs';

/** What the daemon is made of, beside the driver. */
const PARTS = ['@rexray/cli', '@rexray/frontend-docker'];
const NPM = ['--omit=dev', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];

/** Packages of this workspace and all that they depend on here: no registry has them. */
function withDependencies(names) {
  const packages = new Map(workspacePackages().map(({ json }) => [json.name, json]));
  const found = [...names];
  for (const name of found)
    for (const other of Object.keys(packages.get(name)?.dependencies ?? {}))
      if (packages.has(other) && !found.includes(other)) found.push(other);
  return found;
}

requireNode();
const { values } = parseArgs({ options: { driver: { type: 'string' }, out: { type: 'string' } } });
const driver = values.driver ?? 'local-loop';
const out = resolve(values.out ?? join(ROOT, 'bin/docker-plugin', driver));
if (process.platform !== 'linux') fail('A managed plugin is built on Linux: its programs come from this machine.');
if (!existsSync(join(ROOT, 'plugins', driver, 'package.json'))) fail(`There is no driver ${driver} in plugins/.`);

await install();
if ((await build()).status !== 0) fail('The build failed.');
const scratch = mkdtempSync(join(tmpdir(), 'rexray-plugin-'));
try {
  rmSync(out, { recursive: true, force: true });
  const app = join(out, 'rootfs/opt/rexray');
  mkdirSync(app, { recursive: true });
  const tarballs = await packAll(scratch);
  const wanted = withDependencies([...PARTS, `@rexray/driver-${driver}`]).map((name) => tarballs[name]);
  writeFileSync(join(app, 'package.json'), `${JSON.stringify({ name: 'rexray-docker-plugin', private: true })}\n`);
  const { status, text } = await run('npm', ['install', ...NPM, ...wanted], { cwd: app, output: 'capture' });
  if (status !== 0) fail(`npm could not install the packages: ${text}`);
  rootfs(join(out, 'rootfs'));
  writeFileSync(join(out, 'config.json'), `${JSON.stringify(await pluginConfig(driver), null, 2)}\n`);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
console.log(`docker plugin create rexray/${driver} ${out}`);
