/** A canary in everything that a schema marks as secret: it must appear nowhere. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isVolumeError, type StorageDefinition } from '@rexray/core';
import { OPTIONS } from '@rexray/core/options';
import { secretPaths } from '@rexray/core/schema';
import { Cleanup, suite, WORKSPACE } from '@rexray/rig';
import { envNames, KEYS } from '@rexray/runtime/config';
import { afterAll, expect, it } from 'vitest';
import { flagName } from '../src/flags/config-flags.ts';
import { DaemonProcess, Home, type Ran } from './rig.ts';

const CANARY = 'canary-7c1fe09b';
/** A backend that quotes its credentials and what it was asked in every error and line: drivers of other people will. */
const DRIVER = `
const schema = (properties) => ({ '~standard': { version: 1, vendor: 'x', validate: (value) => ({ value: value ?? {} }),
  jsonSchema: { input: () => ({ type: 'object', properties }) } } });
class Leaky {
  traits = { scope: 'local', multiWriter: true, fencing: 'none' };
  constructor(config, log) { this.config = config; this.log = log; log.warn({ config }, 'opened with ' + config.token); }
  fail(what) { throw new Error('401 for ' + JSON.stringify(this.config) + ' in ' + what); }
  whoami() { return Promise.resolve('n'); }
  async list() { this.log.error({ credentials: this.config }, 'list with ' + this.config.nested.key); this.fail('list'); }
  async get() { this.fail('get'); }
  async create(name, spec) { this.log.warn({ spec }, 'create'); this.fail('create'); }
  async remove() {} async attach() {} async detach() {} async mark() {}
}
export default { plugin: { kind: 'storage', name: 'leaky', api: 1, core: '0',
  config: schema({ token: { type: 'string', writeOnly: true }, region: { type: 'string' },
    nested: { type: 'object', properties: { key: { type: 'string', writeOnly: true } } } }),
  params: schema({ passphrase: { type: 'string', writeOnly: true } }),
  deps: [Symbol.for('@rexray/config'), Symbol.for('@rexray/logger')], driver: Leaky } };`;

function everyFile(dir: string): string[] {
  return readdirSync(dir).flatMap((f) => {
    const at = join(dir, f);
    const s = statSync(at, { throwIfNoEntry: false });
    return s === undefined ? [] : s.isDirectory() ? everyFile(at) : s.isFile() ? [at] : [];
  });
}

/** Every setting that a driver of this project marks as secret, as `driver.setting`. */
async function driverSecrets(): Promise<readonly string[]> {
  const plugins = join(WORKSPACE, 'plugins');
  const found: string[] = [];
  for (const dir of readdirSync(plugins)) {
    const file = join(plugins, dir, 'src/index.ts');
    if (!existsSync(file)) continue;
    const { default: made } = (await import(pathToFileURL(file).href)) as { default: { plugin: StorageDefinition } };
    const { name, config } = made.plugin;
    found.push(...secretPaths(config['~standard'].jsonSchema.input()).map((path) => `${name}.${path}`));
  }
  return found;
}

suite('secrets', { root: true }, () => {
  const cleanup = new Cleanup();
  afterAll(() => cleanup.run());

  it('no output, log, error, event or state file has one', async () => {
    const registered = KEYS.filter((k) => k.secret === true && !k.key.includes('<'));
    expect(registered.length).toBeGreaterThan(0);
    const options = OPTIONS.filter((o) => o.secret);
    expect(options.map((o) => o.name)).toContain('encryptionKey');
    const schema = { properties: { token: { writeOnly: true }, nested: { properties: { key: { writeOnly: true } } } } };
    expect(secretPaths(schema)).toEqual(['token', 'nested.key']);

    const home = new Home(cleanup, {});
    const plugin = join(home.dir, 'etc/node_modules/rexray-driver-leaky');
    mkdirSync(plugin, { recursive: true });
    writeFileSync(
      join(plugin, 'package.json'),
      JSON.stringify({ name: 'rexray-driver-leaky', version: '1.0.0', type: 'module', main: 'index.js' }),
    );
    writeFileSync(join(plugin, 'index.js'), DRIVER);
    const lines = registered.map((k) => `${k.key}: ${CANARY}-registered`);
    home.configure(
      [
        'rexray.modules.none: { type: rest, disabled: true }',
        'libstorage.service: leaky',
        'libstorage.server.services.leaky.driver: leaky',
        `libstorage.server.services.leaky.leaky: { token: ${CANARY}-token, region: here, nested: { key: ${CANARY}-key } }`,
        ...lines,
      ].join('\n'),
    );

    const said: string[] = [];
    const keep = (r: Ran): Ran => {
      said.push(r.out, r.err);
      return r;
    };
    const commands = [
      ['volume', 'ls'],
      ['volume', 'ls', '-f', 'json', '-l', 'debug'],
      [
        'volume',
        'create',
        'x',
        '--encrypted',
        '--encryptionKey',
        `${CANARY}-option`,
        '-o',
        `passphrase=${CANARY}-param`,
      ],
      ['config', 'show', '--all'],
      ['config', 'show', '--all', '-f', 'json'],
      ['config', 'validate', '-f', 'yaml'],
      ['env'],
      ['doctor'],
      ['doctor', '-f', 'json'],
      ['config', 'explain', 'leaky.token'],
      ['config', 'explain', 'leaky.nested.key', '-f', 'json'],
      ['volume', 'ls', `--leakyToken=${CANARY}-flag`],
      ['volume', 'ls', '-f', '{{.Name}}', `--ebsSecretKey=${CANARY}-flag`],
      ['status'],
      ['events'],
      ['logs', '--level', 'debug'],
      ['plugin', 'ls', '-f', 'yaml'],
    ];
    for (const c of commands) keep(await home.rexray(...c));
    const d = new DaemonProcess(cleanup, home);
    await d.ready();
    const client = d.client(cleanup);
    const events: string[] = [];
    const stop = new AbortController();
    const listening = (async () => {
      for await (const e of client.events({ signal: stop.signal })) events.push(JSON.stringify(e));
    })();
    for (const c of commands) keep(await home.rexray(...c));
    const leaky = await client.integration();
    const error = await leaky.list().catch((e: unknown) => (isVolumeError(e) ? e.toJSON() : String(e)));
    expect(JSON.stringify(error)).toContain('401 for');
    home.configure(`${readFileSync(home.file, 'utf8')}\nbroken: {token: ${CANARY}-broken\n`);
    d.child.kill('SIGHUP');
    await d.says('was not applied');
    keep(await home.rexray('config', 'validate'));
    stop.abort();
    await listening;
    expect(await d.stop()).toBe(0);

    expect(said.join('')).toContain('401 for');
    expect(d.out).toContain('opened with [hidden]');
    for (const text of [...said, d.out, d.err, events.join('\n'), JSON.stringify(error)])
      expect(text).not.toContain(CANARY);
    for (const file of everyFile(join(home.dir, 'var'))) expect(readFileSync(file, 'latin1')).not.toContain(CANARY);
  });

  it('of every driver’s schema: in the file, the environment and flags, used or not', {
    timeout: 120_000,
  }, async () => {
    const secrets = await driverSecrets();
    expect(secrets).toContain('ebs.secretKey');
    const home = new Home(cleanup, {});
    home.configure(
      [
        'rexray.modules.none: { type: rest, disabled: true }',
        'libstorage.service: dir',
        'libstorage.server.services.dir.driver: local-dir',
        ...secrets.map((key) => `${key}: ${CANARY}-file`),
        ...secrets.map((key) => `libstorage.server.services.dir.${key}: ${CANARY}-service`),
      ].join('\n'),
    );
    const env = Object.fromEntries(secrets.map((key) => [envNames(key)[0] ?? key, `${CANARY}-env`]));
    const flags = secrets.map((key) => `--${flagName(key)}=${CANARY}-flag`);
    for (const [variables, more] of [
      [{}, []],
      [env, []],
      [env, flags],
    ] as const) {
      const place = Object.assign(Object.create(home) as Home, { env: { ...home.env, ...variables } });
      for (const argv of [
        ['config', 'show', '--all'],
        ['config', 'show', '-f', 'json'],
        ['env'],
        ['config', 'validate'],
        ['doctor'],
        ['volume', 'ls', '-l', 'debug'],
      ]) {
        const r = await place.rexray(...argv, ...more);
        expect(`${r.out}${r.err}`, argv.join(' ')).not.toContain(CANARY);
      }
      for (const key of secrets) {
        const r = await place.rexray('config', 'explain', key, ...more);
        expect(`${r.out}${r.err}`, key).not.toContain(CANARY);
      }
    }
    const all = (await home.rexray('config', 'show')).out;
    for (const key of secrets) expect(all, key).toContain(key);
    for (const file of everyFile(join(home.dir, 'var'))) expect(readFileSync(file, 'latin1')).not.toContain(CANARY);
  });
});
