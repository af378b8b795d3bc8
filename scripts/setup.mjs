/** What every script of the workspace needs: a new enough Node, pnpm through npx, children that never wait for a terminal. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const FLOOR = [20, 19];

/** Telemetry is off; `--yes` by environment because some npm configurations say no, and then npx would wait for an answer. */
export const ENV = {
  ...process.env,
  TURBO_TELEMETRY_DISABLED: '1',
  DO_NOT_TRACK: '1',
  npm_config_yes: 'true',
  npm_config_update_notifier: 'false',
  npm_config_fund: 'false',
  npm_config_audit: 'false',
};

/** Ends the program with a sentence when Node is too old: everything after it may use what the floor brings. */
export function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > FLOOR[0] || (major === FLOOR[0] && minor >= FLOOR[1])) return;
  fail(`Node ${process.versions.node} is too old: REX-Ray needs Node ${FLOOR.join('.')} or newer.`);
}

/** @returns {never} */
export function fail(message) {
  console.error(message);
  process.exit(1);
}

/** A program that `pnpm install` brought. */
export const bin = (name) => join(ROOT, 'node_modules', '.bin', name);

/**
 * Runs a program and answers its exit status (128 + signal when killed). Standard input is closed: nothing here may ask.
 * `output: 'capture'` answers what it printed instead of showing it.
 * @returns {Promise<{ status: number, text: string }>}
 */
export function run(program, args, o = {}) {
  const { output = 'show', cwd = ROOT, env = {}, timeoutMs } = o;
  return new Promise((resolve) => {
    const stdio = output === 'capture' ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'];
    const child = spawn(program, args, { cwd, env: { ...ENV, ...env }, stdio, timeout: timeoutMs });
    let text = '';
    child.stdout?.on('data', (d) => {
      text += d;
    });
    child.stderr?.on('data', (d) => {
      text += d;
    });
    child.on('error', (e) => resolve({ status: 127, text: `${program}: ${e.message}` }));
    child.on('close', (code, signal) => resolve({ status: code ?? (signal === null ? 1 : 128), text }));
  });
}

/** The version that `packageManager` of package.json pins. */
export function pnpmVersion() {
  return JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).packageManager.replace(/^pnpm@/, '');
}

/** Directory of the pinned pnpm, which npx brings: asked once, and put on PATH, because turbo looks for pnpm there. */
async function findPnpm() {
  const args = ['--yes', `--package=pnpm@${pnpmVersion()}`, '--call', 'command -v pnpm'];
  const { status, text } = await run('npx', args, { output: 'capture' });
  const found = text
    .split('\n')
    .map((line) => line.trim())
    .findLast((line) => line.endsWith('/pnpm'));
  if (status === 0 && found !== undefined) {
    ENV.PATH = `${dirname(found)}${delimiter}${ENV.PATH ?? ''}`;
    return found;
  }
  console.error(text.trimEnd());
  if (NO_NETWORK.test(text)) fail(NEEDS_NETWORK);
  return fail(`npx could not bring pnpm ${pnpmVersion()} (status ${status}).`);
}
let located;

/** Runs the pnpm that package.json pins. */
export async function pnpm(args, o) {
  located ??= findPnpm();
  return run(await located, args, o);
}

const NO_NETWORK = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|ERR_SOCKET|network request failed/i;

const NEEDS_NETWORK =
  'The package registry cannot be reached. The first installation needs it, or an npm cache and pnpm store that hold every package of pnpm-lock.yaml.';

/** What pnpm's own advice leaves open: which pnpm, and whose mistake it is. */
const OUTDATED = `pnpm-lock.yaml and a package.json do not fit together. In a checkout as it was published that is a mistake of ours: take the commit before it.
After a change of your own to a package.json: npx pnpm@${pnpmVersion()} install, and commit pnpm-lock.yaml with it.`;

/** Installs exactly what the lockfile says. Ends the program when that fails: nothing after it could work. */
export async function install() {
  const { status, text } = await pnpm(['install', '--frozen-lockfile'], { output: 'capture' });
  if (status === 0) return;
  console.error(text.trimEnd());
  if (NO_NETWORK.test(text)) fail(NEEDS_NETWORK);
  if (text.includes('OUTDATED_LOCKFILE')) fail(OUTDATED);
  fail(`pnpm install --frozen-lockfile ended with status ${status}.`);
}

/** Runs a task of turbo.json in the packages that have it (all, or those that filters name), as far as something changed. */
export const turbo = (task, filters = []) =>
  pnpm(['exec', 'turbo', 'run', task, '--output-logs=errors-only', ...filters.map((f) => `--filter=${f}`)]);
export const build = (filters) => turbo('build', filters);

/** Every workspace package as `{ dir, json }`, `dir` relative to the root. */
export function workspacePackages() {
  return ['packages', 'plugins', 'examples', 'tests'].flatMap((group) => {
    const at = join(ROOT, group);
    if (!existsSync(at)) return [];
    return readdirSync(at)
      .map((name) => `${group}/${name}`)
      .filter((dir) => existsSync(join(ROOT, dir, 'package.json')))
      .map((dir) => ({ dir, json: JSON.parse(readFileSync(join(ROOT, dir, 'package.json'), 'utf8')) }));
  });
}

/** `1.2 s`, `2 min 5 s` */
export function duration(ms) {
  const s = ms / 1000;
  return s < 60 ? `${s.toFixed(1)} s` : `${Math.floor(s / 60)} min ${Math.round(s % 60)} s`;
}
