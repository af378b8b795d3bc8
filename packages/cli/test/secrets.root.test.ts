/** A canary in everything that a schema marks as secret: it must appear nowhere. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isVolumeError } from '@rexray/core';
import { OPTIONS } from '@rexray/core/options';
import { secretPaths } from '@rexray/core/schema';
import { Cleanup, suite } from '@rexray/rig';
import { KEYS } from '@rexray/runtime/config';
import { afterAll, expect, it } from 'vitest';
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
});
