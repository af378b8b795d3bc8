import { Cleanup } from '@rexray/rig';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { errorOf, type Place, place } from './config-place.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());
let p: Place;
beforeEach(() => {
  p = place(cleanup);
});
const fails = (text: string, vars: Record<string, string> = {}): ReturnType<typeof errorOf> => {
  p.write('rexray/etc/rexray.yml', text);
  return errorOf(p.load({ vars }));
};
const OPS = 'libstorage.integration.volume.operations';

describe('what is wrong, where', () => {
  it.each([
    ['a bool', `${OPS}.mount.preempt: maybe`, 'true or false'],
    ['a duration without unit', `${OPS}.mount.retryWait: 5`, 'duration', 'Write the unit: 5s or 5ms.'],
    ['a negative number', `${OPS}.mount.retryCount: -1`, 'whole number'],
    ['a size', `${OPS}.create.default.size: 10 apples`, 'a size'],
    ['a size of nothing', `${OPS}.create.default.size: 0`, 'a size'],
    ['a file system', `${OPS}.create.default.fsType: ext5`, 'ext4, xfs, btrfs', 'Did you mean ext4'],
    ['a log level', 'rexray.logLevel: warm', 'one of', 'Did you mean warn'],
    ['a mode that reads two ways', 'linux.volume.filemode: 700', 'octal', 'Write 0700.'],
    ['a directory outside the volume', `${OPS}.mount.rootPath: /../etc`, 'inside the volume'],
    ['a section where a value belongs', `${OPS}.mount.path:\n  x: y`, 'a path'],
    ['a service without driver', 'libstorage.server.services.a: {}', 'has no driver', 'local-loop'],
    ['a service name', 'libstorage.server.services: { "../x": { driver: memory } }', 'service name'],
    [
      'a default service that is none',
      'libstorage: { service: ebss, server: { services: { ebs: { driver: ebs } } } }',
      'no configured service',
      'Did you mean ebs',
    ],
  ])('names key, value and place of %s', async (_what, text, message, hint?: string) => {
    const e = await fails(`# first line\n${text}\n`);
    const [key = ''] = text.split(':');
    expect(e).toMatchObject({ code: 'invalid', details: { path: expect.any(String), expected: expect.any(String) } });
    expect(e.message).toContain(message);
    if (!key.includes('services') && !key.startsWith('libstorage') && !text.includes('\n'))
      expect(e.message).toContain(`rexray.yml:2`);
    if (hint !== undefined) expect(e.hint).toContain(hint);
  });

  it('names the variable of the environment', async () => {
    const e = await errorOf(p.load({ vars: { REXRAY_LOGLEVEL: 'loud' } }));
    expect(e.message).toContain('rexray.logLevel: "loud" is not one of');
    expect(e.message).toContain('(environment REXRAY_LOGLEVEL)');
  });

  it.each([
    ['a tab', 'libstorage:\n\tservice: a\n', 2],
    ['nesting', 'a: b\n c: d: e\n', 1],
    ['an open quote', 'rexray:\n  logLevel: "warn\n', 2],
    ['a list as root', '- a\n- b\n', 1],
    ['an alias without anchor', 'a: 1\nb: *nothing\n', 2],
    ['two documents', 'a: 1\n---\nb: 1\n', 2],
  ])('shows the line of invalid YAML: %s', async (_what, text, line) => {
    const e = await fails(text);
    expect(e.code).toBe('invalid');
    expect(e.message).toMatch(/valid YAML|alias/);
    expect(e.message).toContain(`rexray.yml:${line}`);
  });

  it('never shows a secret', async () => {
    const secret = 'hunter2hunter2';
    const broken = [
      `virtualbox:\n  password: ${secret}\n\tendpoint: x\n`,
      `ebs:\n  secretKey: "${secret}\n  region: x\n`,
      `ebs: { region: x, secretKey: ${secret}, accessKey: [ }\n`,
      `cinder:\n  token: |\n    ${secret}\n    ${secret}\n  x: y: z\n`,
      `a:\n  password: *${secret}\n`,
      `a:\n  password: >-\n    ${secret}\n  x: {\n`,
    ];
    for (const text of broken) {
      const e = await fails(text);
      expect(e.code, text).toBe('invalid');
      expect(JSON.stringify({ ...e, m: e.message, h: e.hint }), text).not.toContain(secret);
    }
    const json = p.write('cwd/x.json', `{"a": "${secret}" oops`);
    expect((await errorOf(p.load({ config: json }))).message).not.toContain(secret);
    p.write(
      'rexray/etc/rexray.yml',
      `libstorage: { service: ebs, server: { auth: { key: ${secret} } } }\nebs: { secretKey: ${secret} }\n`,
    );
    const c = await p.load();
    expect(
      JSON.stringify([c.entries(), c.warnings, c.origin('ebs.secretKey'), c.origin('libstorage.server.auth.key')]),
    ).not.toContain(secret);
    expect(c.origin('ebs.secretKey').value).toBe('***');
  });

  it('refuses one key with two values, and joins sections that are written twice', async () => {
    const e = await fails('libstorage:\n  service: a\nLibStorage:\n  Service: b\n');
    expect(e.message).toContain('is given twice with different values');
    expect(e.message).toContain('rexray.yml:2');
    expect(e.message).toContain('rexray.yml:4');
    p.write(
      'rexray/etc/rexray.yml',
      'libstorage:\n  service: a\nlibstorage.Service: a\nLIBSTORAGE:\n  device: { attachtimeout: 1m }\n',
    );
    const c = await p.load();
    expect([c.defaultService, c.device.attachTimeoutMs]).toEqual(['a', 60_000]);
  });

  it('S23: an undefined variable in a path is invalid by name; other keys keep their dollar', async () => {
    const e = await fails(`${OPS}.mount.path: $NOWHERE/volumes\n`);
    expect(e).toMatchObject({ code: 'invalid' });
    expect(e.message).toContain('names $NOWHERE, which is not set');
    p.write(
      'rexray/etc/rexray.yml',
      `${OPS}.mount.path: $X/\${Y}$XY/a$$b\n${OPS}.create.default.type: $X\nrexray.allowRoots: $X/1 rel\n`,
    );
    const c = await p.load({ vars: { X: '/x', Y: 'y', XY: '_' } });
    expect(c.operations().mount.path).toBe('/x/y_/a$b');
    expect(c.operations().create.default.type).toBe('$X');
    expect(c.allowRoots).toEqual(['/x/1', `${p.etc}/rel`]);
    const fromEnv = await p.load({
      vars: { X: '/x', Y: 'y', XY: '_', LIBSTORAGE_INTEGRATION_VOLUME_OPERATIONS_MOUNT_PATH: '/a/$X' },
    });
    expect(fromEnv.operations().mount.path).toBe('/a/$X');
  });
});

describe('warnings', () => {
  const warnings = async (text: string): Promise<string> => {
    p.write('rexray/etc/rexray.yml', text);
    return (await p.load()).warnings.join('\n');
  };
  it.each([
    [`${OPS}.mount.premept: true`, `did you mean ${OPS}.mount.preempt?`],
    ['libstorage.sevrice: a', 'did you mean libstorage.service?'],
    ['rexray.node.idd: a', 'did you mean rexray.node.id?'],
    ['rexray.modules.m.hosst: a', 'did you mean host?'],
    ['rexray.libstorage.sevrice: a', 'did you mean libstorage.service?'],
    ['rexray.volume.mount.preempt: true', `write ${OPS}.mount.preempt`],
    ['rexray.storageDrivers: [ec2]', 'write libstorage.service'],
    ['rexray.csi.nfs.volumes: abc', 'rexray.csi.nfs.volumes has no effect'],
    ['libstorage.client.tls.insecrue: true', 'did you mean'],
    ['libstorage.server.endpoints.a: { address: "unix:///x", adress: x }', 'did you mean'],
    ['completely: different', 'completely is not known and has no effect'],
  ])('%s', async (text, said) => {
    expect(await warnings(`${text}\n`)).toContain(said);
  });

  it('are silent about what REX-Ray’s files have', async () => {
    const quiet = `
rexray:
  logLevel: warn
  modules:
    default-docker: { type: docker, host: "unix:///run/docker/plugins/rexray.sock", desc: d, spec: /x, libstorage: { service: ebs } }
  libstorage: { device: { attachTimeout: 10s } }
libstorage:
  service: ebs
  embedded: true
  client: { type: integration }
  server:
    tasks: { exeTimeout: 120s }
    services:
      ebs: { driver: ebs, ebs: { region: us-east-1 }, libstorage: { integration: { volume: { operations: { mount: { preempt: true } } } } } }
      two: { driver: vfs, integration: { volume: { operations: { remove: { disable: true } } } } }
scaleio: { endpoint: x }
`;
    expect(await warnings(quiet)).toBe('');
  });
});
