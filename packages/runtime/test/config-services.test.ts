import { join } from 'node:path';
import { definePlugin, type StorageDefinition } from '@rexray/core';
import { schema, Type } from '@rexray/core/schema';
import { Cleanup } from '@rexray/rig';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configOf, defaultModule } from '../src/config/index.ts';
import { errorOf, type Place, place } from './config-place.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());
let p: Place;
beforeEach(() => {
  p = place(cleanup);
});
const OPS = 'libstorage.integration.volume.operations';

const Settings = Type.Object(
  {
    region: Type.Optional(Type.String()),
    secretKey: Type.Optional(Type.String({ writeOnly: true })),
    maxRetries: Type.Optional(Type.Integer()),
    useLargeDeviceRange: Type.Optional(Type.Boolean()),
    zones: Type.Optional(Type.Array(Type.String())),
    volumePath: Type.Optional(Type.String()),
    vmh: Type.Optional(Type.Object({ insecure: Type.Optional(Type.Boolean()) })),
  },
  { additionalProperties: false },
);
/** Only its data is looked at here; no driver is made. */
const definition = (name: string): StorageDefinition =>
  definePlugin({
    kind: 'storage',
    name,
    config: schema(Settings),
    params: schema(Type.Object({})),
    deps: [],
    driver: class {
      constructor() {
        throw new Error('not made here');
      }
    } as never,
  }).plugin;

describe('services', () => {
  it('the seed: one key makes a service of that name and driver', async () => {
    p.write(
      'rexray/etc/rexray.yml',
      'libstorage:\n  service: Local-Loop\n  integration:\n    volume:\n      operations:\n        mount:\n          preempt: true\n        unmount:\n          ignoreusedcount: true\n        remove:\n          disable: true\n',
    );
    const c = await p.load();
    expect(c.defaultService).toBe('local-loop');
    expect(c.services['local-loop']).toMatchObject({ name: 'local-loop', driver: 'local-loop' });
    const { mount, unmount, remove } = c.services['local-loop']?.operations ?? c.operations();
    expect([mount.preempt, unmount.ignoreUsedCount, remove.disable, mount.rootPath]).toEqual([
      true,
      true,
      true,
      '/data',
    ]);
    expect(mount.path).toBe(join(p.dir, 'rexray/var/lib/volumes'));
    expect(c.warnings).toEqual([]);
  });

  it('the documented VirtualBox file: $HOME in its path, any case of keys', async () => {
    p.write(
      'rexray/etc/rexray.yml',
      'libstorage:\n  service: virtualbox\nvirtualbox:\n  region: http://10.0.2.2:18083\n  VolumePath: $HOME/VirtualBox/Volumes\n',
    );
    const c = await p.load();
    expect(c.driverConfig('virtualbox', definition('virtualbox'))).toEqual({
      region: 'http://10.0.2.2:18083',
      volumePath: `${p.dir}/home/VirtualBox/Volumes`,
    });
  });

  it('gathers a driver’s settings: service before general, own section before aliases, environment between', async () => {
    p.write(
      'rexray/etc/rexray.yml',
      `
libstorage:
  server:
    ebs: { maxRetries: 3 }
    services:
      one: { driver: EC2, ebs: { region: one }, aws: { region: never } }
      two: { driver: ebs }
rexray:
  ebs: { region: general }
aws: { secretKey: "0123", USELARGEDEVICERANGE: "T", region: last }
ebs: { zones: a b c, vmh: { Insecure: yes }, volumePath: ~ }
`,
    );
    const c = await p.load({ vars: { EBS_MAXRETRIES: '7' } });
    const d = definition('ebs');
    expect(c.driverConfig('one', d)).toEqual({
      region: 'one',
      secretKey: '0123',
      maxRetries: '7',
      useLargeDeviceRange: true,
      zones: ['a', 'b', 'c'],
      vmh: { insecure: true },
    });
    expect(c.driverConfig('two', d).region).toBe('general');
    expect(c.driverWarnings([d])).toEqual([]);
    expect(c.origin('ebs.maxRetries', { service: 'one' })).toMatchObject({
      source: 'env',
      where: 'environment EBS_MAXRETRIES',
    });
    expect(c.origin('ebs.region', { service: 'one' })).toMatchObject({
      source: 'file',
      scope: 'libstorage.server.services.one',
    });
    expect(await errorOf(() => c.driverConfig('onne', d))).toMatchObject({
      code: 'invalid',
      hint: 'Did you mean one?',
    });
  });

  it('reads vfs.root as local-dir.volumePath, and environment names with dashes and without', async () => {
    p.write('rexray/etc/rexray.yml', 'libstorage:\n  service: vfs\nvfs:\n  root: $HOME/vfs\n');
    const d = definition('local-dir');
    const c = await p.load();
    expect(c.services.vfs?.driver).toBe('local-dir');
    expect(c.driverConfig('vfs', d)).toEqual({ volumePath: `${p.dir}/home/vfs` });
    expect(c.driverWarnings([d])).toEqual([]);
    expect((await p.load({ vars: { LOCAL_DIR_VOLUMEPATH: '/u' } })).driverConfig('vfs', d).volumePath).toBe('/u');
    expect(
      (await p.load({ vars: { 'LOCAL-DIR_VOLUMEPATH': '/d', LOCAL_DIR_VOLUMEPATH: '' } })).driverConfig('vfs', d)
        .volumePath,
    ).toBe('/d');
  });

  it('falls back to libstorage.driver and libstorage.storage.driver, in any scope', async () => {
    p.write(
      'rexray/etc/rexray.yml',
      'libstorage:\n  driver: aws\n  server:\n    services:\n      a:\n      B: { driver: Memory }\n',
    );
    const c = await p.load();
    expect(Object.values(c.services).map((s) => [s.name, s.driver])).toEqual([
      ['a', 'ebs'],
      ['b', 'memory'],
    ]);
    expect(c.defaultService).toBeUndefined();
    p.write(
      'rexray/etc/rexray.yml',
      'libstorage: { server: { libstorage: { storage: { driver: vfs } }, services: { a: {} } } }\n',
    );
    expect((await p.load()).services.a?.driver).toBe('local-dir');
  });

  it('makes no service while a server is named, and takes the only one as default', async () => {
    p.write('rexray/etc/rexray.yml', 'libstorage: { service: ebs, host: "tcp://x:1" }\n');
    expect(await p.load()).toMatchObject({ services: {}, host: 'tcp://x:1' });
    p.write('rexray/etc/rexray.yml', 'libstorage: { server: { services: { only: { driver: ebs } } } }\n');
    expect((await p.load()).defaultService).toBe('only');
    expect((await p.load({ flags: { 'rexray.service': 'ONLY' } })).defaultService).toBe('only');
  });

  it('tells settings that a driver does not have, and drivers that are not installed', async () => {
    p.write(
      'rexray/etc/rexray.yml',
      'libstorage: { service: ebs }\nebs: { regoin: x, maxretries: 1 }\nscaleio: { x: y }\n',
    );
    const c = await p.load();
    const said = c.driverWarnings([definition('ebs')], ['ebs', 'local-dir']);
    expect(said.join('\n')).toContain('driver ebs has no setting "regoin": did you mean region?');
    expect(said.join('\n')).toContain('driver "scaleio" is not installed');
    expect(said).toHaveLength(2);
  });
});

describe('operations', () => {
  it('are a service’s and a module’s own where these say so', async () => {
    p.write(
      'rexray/etc/rexray.yml',
      `
${OPS}: { mount: { preempt: true, retryCount: 1 }, remove: { disable: true } }
libstorage.server.services:
  a: { driver: memory, ${OPS}.mount.retryCount: 5 }
  b: { driver: memory, integration: { volume: { operations: { remove: { disable: false } } } } }
libstorage.service: a
rexray.modules:
  Web: { host: "unix:///x.sock", libstorage: { service: b, integration: { volume: { operations: { mount: { preempt: false } } } } } }
`,
    );
    const c = await p.load();
    expect([c.services.a?.operations.mount.retryCount, c.services.b?.operations.mount.retryCount]).toEqual([5, 1]);
    expect([c.services.a?.operations.remove.disable, c.services.b?.operations.remove.disable]).toEqual([true, false]);
    expect(c.operations({ service: 'b', module: 'web' }).mount.preempt).toBe(false);
    expect(c.services.b?.operations.mount.preempt).toBe(true);
    expect(c.modules.web).toMatchObject({ type: 'docker', service: 'b', host: 'unix:///x.sock' });
  });

  it('one rootPath: either key, the returned one first, a word when they differ', async () => {
    const of = async (text: string): Promise<[string, number]> => {
      p.write('rexray/etc/rexray.yml', `libstorage.service: memory\n${text}`);
      const c = await p.load();
      return [c.operations().mount.rootPath, c.warnings.length];
    };
    expect(await of('')).toEqual(['/data', 0]);
    expect(await of('linux.volume.rootpath: /\n')).toEqual(['/', 0]);
    expect(await of(`${OPS}.mount.rootPath: x/y/\n`)).toEqual(['/x/y', 0]);
    expect(await of(`${OPS}.mount.rootPath: /\nLINUX: { VOLUME: { ROOTPATH: / } }\n`)).toEqual(['/', 0]);
    expect(await of(`${OPS}.mount.rootPath: /a\nlinux.volume.rootpath: /b\n`)).toEqual(['/a', 1]);
  });

  it('reads values as Go and YAML 1.1 do', async () => {
    p.write(
      'rexray/etc/rexray.yml',
      `linux: { volume: { filemode: 0755 } }\nlibstorage: { device: { attachTimeout: 1m30s } }\n${OPS}: { mount: { preempt: on, retryWait: 1500us }, create: { implicit: T, default: { size: 5, fsType: XFS, iops: 150, type: io1, availabilityZone: us-east-1a } }, path: { cache: { enabled: 0 } } }\n`,
    );
    const c = await p.load();
    const o = c.operations();
    expect(o.mount).toMatchObject({ fileMode: 0o755, preempt: true, retryWaitMs: 1.5 });
    expect(c.device.attachTimeoutMs).toBe(90_000);
    expect(o.create).toEqual({
      disable: false,
      implicit: true,
      default: { sizeBytes: 5 * 2 ** 30, fsType: 'xfs', iops: 150, type: 'io1', availabilityZone: 'us-east-1a' },
    });
    expect(o.path.cache).toEqual({ enabled: false, async: true });
  });

  it('reads the managed plugins’ short names of the environment', async () => {
    const o = (
      await p.load({
        vars: {
          REXRAY_PREEMPT: 'true',
          REXRAY_FSTYPE: 'xfs',
          LINUX_VOLUME_FILEMODE: '0711',
          LINUX_VOLUME_ROOTPATH: '/',
        },
      })
    ).operations();
    expect([o.mount.preempt, o.create.default.fsType, o.mount.fileMode, o.mount.rootPath]).toEqual([
      true,
      'xfs',
      0o711,
      '/',
    ]);
  });
});

describe('modules', () => {
  it('infer type and socket as documented', async () => {
    p.write(
      'rexray/etc/rexray.yml',
      'rexray:\n  modules:\n    default-docker: { disabled: yes }\n    default-csi: { type: csi }\n    EBS & Two: { port: 1 }\n    api: { type: REST }\n    csi: { type: csi, host: "unix:///run/csi.sock" }\n',
    );
    const m = (await p.load()).modules;
    expect(Object.values(m).map((x) => [x.name, x.type, x.host, x.disabled])).toEqual([
      ['default-docker', 'docker', 'unix:///run/docker/plugins/rexray.sock', true],
      ['default-csi', 'docker', 'unix:///run/docker/plugins/rexray.sock', false],
      ['ebs & two', 'docker', 'unix:///run/docker/plugins/ebs---two.sock', false],
      ['api', 'rest', undefined, false],
      ['csi', 'csi', 'unix:///run/csi.sock', false],
    ]);
    expect(m['ebs & two']?.settings).toEqual({ port: '1' });
    expect((await place(cleanup).load()).modules).toEqual({});
    expect(defaultModule('ebs')).toMatchObject({ name: 'default-docker', type: 'docker', service: 'ebs' });
  });
});

describe('by value', () => {
  it('reads nothing but the value and the places', () => {
    const env = { HOME: '/h', REXRAY_HOME: p.dir, LIBSTORAGE_SERVICE: 'no', REXRAY_LOGLEVEL: 'debug' };
    const c = configOf(
      {
        services: { CI: { driver: 'vfs', config: { region: '$HOME' } } },
        operations: { mount: { retryWait: '2s' } },
        logLevel: 'error',
      },
      { env, root: false },
    );
    expect(c.services.CI).toMatchObject({ name: 'CI', driver: 'local-dir' });
    expect([c.defaultService, c.logLevel, c.operations().mount.retryWaitMs]).toEqual(['CI', 'error', 2000]);
    expect(c.driverConfig('CI', definition('local-dir'))).toEqual({ region: '$HOME' });
    expect(c.paths.lib).toBe(join(p.dir, 'var/lib'));
    expect(configOf({ services: {}, home: '/elsewhere' }, { env, root: true }).paths.state).toBe(
      '/elsewhere/var/lib/state',
    );
  });

  it('keeps a service given as a value', () => {
    const plugin = definition('acme');
    const config = { region: 'x', f: () => 1 };
    const c = configOf({ services: { a: { plugin, config } } }, { env: {}, root: false });
    expect(c.services.a).toMatchObject({ driver: 'acme', plugin });
    expect(c.driverConfig('a', plugin)).toEqual(config);
  });
});
