import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cleanup } from '@rexray/rig';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chooseService } from '../src/here/choose.ts';
import { Dvdcli, fromSources, surroundings } from './program.ts';

describe('the service that the name of a driver means', () => {
  const all = { services: ['ebs', 'loop', 'rexray'], defaultService: 'loop' };
  const modules = {
    fast: { service: 'ebs', disabled: false },
    off: { service: 'ebs', disabled: true },
    ebs: { service: 'loop', disabled: false },
    plain: { disabled: false },
  };
  it.each([
    ['fast', 'ebs', 'the service of the module of this name'],
    ['FAST', 'ebs', 'in any case'],
    ['ebs', 'loop', 'a module comes before a service'],
    ['plain', 'loop', 'a module without a service has the default one'],
    ['rexray', 'loop', 'rexray is the default service before a service of that name'],
    ['loop', 'loop', 'a service'],
    ['off', undefined, 'a module that is switched off is none'],
    ['nobody', undefined, 'nobody'],
  ])('%s is %s: %s', (driver, service, _why) => {
    expect(chooseService(driver, all, modules)).toBe(service);
  });
  it('rexray without a default service is the service of that name', () => {
    expect(chooseService('rexray', { services: ['rexray', 'x'], defaultService: undefined }, {})).toBe('rexray');
  });
});

describe('in this process', () => {
  let cleanup: Cleanup;
  let dvdcli: Dvdcli;
  let configure: (operations: string) => void;
  beforeEach(() => {
    cleanup = new Cleanup();
    const { home, env } = surroundings(cleanup);
    mkdirSync(join(home, 'etc'), { recursive: true });
    configure = (operations) =>
      writeFileSync(
        join(home, 'etc/config.yml'),
        `libstorage: { service: local-dir, integration: { volume: { operations: { ${operations} } } } }\n`,
      );
    configure('');
    dvdcli = new Dvdcli(fromSources, env);
  });
  afterEach(() => cleanup.run());

  it('create, get, path, list, remove; a driver that nobody has names the services', async () => {
    expect(await dvdcli.run(['create', 'a', '--volumeopts=label.team=web'])).toMatchObject({ status: 0, out: '' });
    const ran = await dvdcli.run(['--json', '-'], {
      input: 'get a\npath a\nlist\nget b\nlist --volumedriver=local-dir\nremove a\nremove a\nlist --volumedriver=x',
    });
    const lines = ran.out
      .trim()
      .split('\n')
      .map((l) => JSON.parse(l) as Record<string, unknown>);
    expect(lines).toMatchObject([
      { op: 'get', details: { name: 'a', labels: { team: 'web' } } },
      { op: 'path', path: '' },
      { op: 'list', volumes: [{ name: 'a', mountpoint: '' }] },
      { op: 'get', error: { code: 'not_found' } },
      { op: 'list', volumes: [{ name: 'a' }] },
      { op: 'remove' },
      { op: 'remove' },
      { op: 'list', error: { code: 'not_found', hint: expect.stringContaining('local-dir') } },
    ]);
    expect(ran.status).toBe(3);
  });

  it('create.disable and remove.disable: success without acting, and a warning', async () => {
    await dvdcli.run(['create', 'a']);
    configure('create: { disable: true }, remove: { disable: true }');
    for (const [verb, name] of [
      ['create', 'b'],
      ['remove', 'a'],
    ] as const) {
      const r = await dvdcli.run([verb, name]);
      expect(r).toMatchObject({ status: 0, out: '' });
      expect(r.err).toContain(`${verb}.disable`);
    }
    expect((await dvdcli.run(['list'])).out).toBe('a\n');
  });

  it('a bad option or configuration is status 2', async () => {
    expect(await dvdcli.run(['create', 'a', '--volumeopts=size=much'])).toMatchObject({ status: 2, out: '' });
    configure('create: { disable: perhaps }');
    const r = await dvdcli.run(['list']);
    expect(r).toMatchObject({ status: 2, out: '' });
    expect(r.err).toContain('config.yml');
  });
});
