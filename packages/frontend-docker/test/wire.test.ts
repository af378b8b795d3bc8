import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, Cleanup, type Plugged, plug } from './plugged.ts';

let cleanup: Cleanup;
let on: Plugged;
beforeEach(async () => {
  cleanup = new Cleanup();
  on = await plug(cleanup);
});
afterEach(() => cleanup.run());

const ID = 'a'.repeat(64);
const PODMAN = '2f73349cfc4630255319c6c8dfc1b46a8996ace9d14d8e07563b165915918ec2';

describe('the nine calls', () => {
  it('Activate and Capabilities, as both engines ask', async () => {
    const a = await on.ask('/Plugin.Activate');
    expect([a.status, a.body]).toEqual([200, { Implements: ['VolumeDriver'] }]);
    expect(a.headers['content-type']).toBe('application/vnd.docker.plugins.v1.1+json');
    expect((await on.ask('Capabilities', {})).body).toEqual({
      Capabilities: { Scope: on.rex.integration.traits.scope },
    });
  });

  it('Create, Get, List, Path, Mount, Unmount, Remove', async () => {
    const missing = await on.ask('Get', { Name: 'v1' });
    expect(missing.status).toBe(500);
    expect(missing.body.Err).toContain('"v1" does not exist');
    expect((await on.ask('Create', { Name: 'v1', Opts: { size: '1' } })).body).toEqual({ Err: '' });
    const got = (await on.ask('Get', { Name: 'v1' })).body;
    expect(got).toMatchObject({
      Err: '',
      Volume: { Name: 'v1', Mountpoint: '', Status: { service: 'memory', size: '1 GiB' } },
    });
    expect(new Date(got.Volume.CreatedAt).toISOString()).toBe(got.Volume.CreatedAt);
    expect((await on.ask('Path', { Name: 'v1' })).body).toEqual({ Mountpoint: '', Err: '' });
    expect((await on.ask('Mount', { Name: 'v1', ID })).body).toEqual({ Mountpoint: '/volumes/v1/data', Err: '' });
    expect((await on.ask('Path', { Name: 'v1' })).body).toEqual({ Mountpoint: '/volumes/v1/data', Err: '' });
    const listed = (await on.ask('List', {})).body;
    expect(listed).toMatchObject({
      Err: '',
      Volumes: [{ Name: 'v1', Mountpoint: '/volumes/v1/data', CreatedAt: got.Volume.CreatedAt }],
    });
    expect(listed.Volumes[0].Status).toMatchObject({
      driver: 'memory',
      health: 'ok',
      state: 'mounted',
      fsType: 'ext4',
    });
    expect(listed.Volumes[0].Status.holders[0]).toContain(`engine:${ID} since `);
    expect(listed.Volumes[0].Status.attachedTo[0]).toContain('(this node)');
    const held = await on.ask('Remove', { Name: 'v1' });
    expect(held.status).toBe(500);
    expect(held.body.Err).toContain(`engine:${ID}`);
    expect((await on.ask('Unmount', { Name: 'v1', ID })).body).toEqual({ Err: '' });
    expect((await on.ask('Remove', { Name: 'v1' })).body).toEqual({ Err: '' });
    expect((await on.ask('List', {})).body).toEqual({ Volumes: [], Err: '' });
    expect(await on.rex.leaks()).toEqual([]);
  });

  it.each([
    ['{"Name":"v","Opts":{}}\n', 'Docker 20.10'],
    ['{"Name":"v","Opts":null}\n', 'Docker 28'],
    ['{"Name":"v"}', 'Podman'],
  ])('Create without options: %s (%s)', async (body) => {
    expect((await on.ask('Create', body)).status).toBe(200);
    expect((await on.ask('Get', { Name: 'v' })).body.Volume.Status.size).toBe('16 GiB');
  });

  it('Podman: its headers, an empty List', async () => {
    const headers = { Host: 'plugin', 'Content-Type': 'application/vnd.docker.plugins.v1.1+json', Accept: '' };
    await ask(on.socket, 'Create', '{"Name":"px","Opts":{"size":"1"}}', { headers });
    expect((await ask(on.socket, 'List', undefined, { headers })).body.Volumes).toMatchObject([{ Name: 'px' }]);
  });

  it('what is not a call, or not POST, is an error in the form that engines read', async () => {
    const none = await on.ask('Format', { Name: 'v' });
    expect([none.status, typeof none.body.Err]).toEqual([404, 'string']);
    for (const path of ['/', '/__proto__', '/constructor', '/VolumeDriver.Get/', '/volumedriver.get'])
      expect((await on.ask(path, { Name: 'v' })).status).toBe(404);
    const get = await ask(on.socket, 'Create', undefined, { method: 'GET' });
    expect([get.status, typeof get.body.Err]).toEqual([405, 'string']);
  });
});

describe('errors', () => {
  it('have a status other than 200 and the hint in their text', async () => {
    await on.ask('Create', { Name: 'v', Opts: { size: '1' } });
    const more = await on.ask('Create', { Name: 'v', Opts: { size: '2' } });
    expect(more.status).toBe(500);
    expect(more.body.Err).toMatch(/size/);
    for (const call of ['Mount', 'Get', 'Path']) {
      const a = await on.ask(call, { Name: 'never-made', ID });
      expect([call, a.status]).toEqual([call, 500]);
      expect(a.body.Err).toContain('never-made');
    }
    expect((await on.ask('Create', { Name: 'v2', Opts: { sizes: '2' } })).body.Err).toContain('Did you mean size?');
  });

  it('a bug of ours does not show its text', async () => {
    const wrong = await plug(cleanup, {
      wrap: (i) =>
        Object.assign(Object.create(i), {
          get: async () => {
            throw new TypeError('secret=12');
          },
        }),
    });
    const a = await wrong.ask('Get', { Name: 'v' });
    expect(a.status).toBe(500);
    expect(a.body.Err).not.toContain('secret');
    expect(wrong.log.join()).toContain('secret=12');
  });
});

describe('without a name nothing is done', () => {
  const bodies: [string, string][] = [
    ['empty, as an engine repeats it after a broken connection', ''],
    ['an empty object', '{}'],
    ['cut short', '{"Name":"v1","Opts":{"si'],
    ['not JSON', 'Name=v1'],
    ['an array', '["v1"]'],
    ['null', 'null'],
    ['a number for a name', '{"Name":1}'],
    ['null for a name', '{"Name":null}'],
    ['an empty name', '{"Name":""}'],
    ['a path', '{"Name":"../../etc"}'],
    ['a leading dash', '{"Name":"-rf"}'],
    ['inherited', '{"__proto__":{"Name":"v1"}}'],
    ['lower case', '{"name":"v1"}'],
  ];
  it.each(bodies)('%s', async (_what, body) => {
    for (const call of ['Create', 'Remove', 'Mount', 'Unmount', 'Get', 'Path']) {
      const a = await on.ask(call, body);
      expect([call, a.status, typeof a.body.Err]).toEqual([call, 400, 'string']);
    }
    expect(on.rex.trace).toEqual([]);
    expect(on.rex.backend.volumes.size).toBe(0);
  });

  it('nor with an unusable ID or options that are no texts', async () => {
    for (const body of [
      { Name: 'v', ID: 7 },
      { Name: 'v', ID: 'a b' },
      { Name: 'v', ID: 'x'.repeat(300) },
      { Name: 'v', Opts: 'size=5' },
      { Name: 'v', Opts: ['size'] },
      { Name: 'v', Opts: { size: 5 } },
    ])
      expect((await on.ask('Create', body)).status).toBe(400);
    expect(on.rex.backend.volumes.size).toBe(0);
    expect((await ask(on.socket, 'Create', Buffer.from([0x7b, 0xff, 0x7d]).toString('latin1'))).status).toBe(400);
  });

  it('a body that is too long is refused, and the connection ends', async () => {
    const a = await on.ask('Create', { Name: 'v', Opts: { 'label.x': 'y'.repeat(2_000_000) } }).catch((e) => e);
    expect(a.status === 400 || a.code === 'EPIPE' || a.code === 'ECONNRESET').toBe(true);
    expect(on.rex.backend.volumes.size).toBe(0);
  });
});

describe('holders', () => {
  const holders = async (): Promise<object[]> =>
    (await on.rex.integration.holders.list()).map(({ holder, count }) => ({ holder, count }));

  it('one ID each; dvdcli, empty and absent are dvdcli’s', async () => {
    await on.ask('Create', { Name: 'v' });
    for (const ID_ of ['b'.repeat(64), 'dvdcli', '', undefined, PODMAN]) await on.ask('Mount', { Name: 'v', ID: ID_ });
    expect(await holders()).toEqual([
      { holder: `engine:${'b'.repeat(64)}`, count: 1 },
      { holder: 'dvdcli', count: 3 },
      { holder: `engine:${PODMAN}`, count: 1 },
    ]);
    for (const ID_ of ['dvdcli', '', undefined]) await on.ask('Unmount', { Name: 'v', ID: ID_ });
    expect(await holders()).toHaveLength(2);
  });

  it('Podman’s one id for everything: each volume counts for itself', async () => {
    for (const Name of ['p1', 'p2']) {
      await on.ask('Create', { Name });
      await on.ask('Mount', { Name, ID: PODMAN });
    }
    await on.ask('Unmount', { Name: 'p1', ID: PODMAN });
    expect([...on.rex.machine.mounts.keys()]).toEqual(['/volumes/p2']);
  });

  it('an Unmount that nobody owes is success and takes nothing from others', async () => {
    await on.ask('Create', { Name: 'v' });
    await on.ask('Mount', { Name: 'v', ID });
    for (let i = 0; i < 3; i++) expect((await on.ask('Unmount', { Name: 'v', ID: 'c'.repeat(64) })).status).toBe(200);
    expect((await on.ask('Unmount', { Name: 'never', ID })).status).toBe(200);
    expect(on.rex.machine.mounts.size).toBe(1);
  });

  it('they are on disk before the reply: a plugin that is killed and comes back counts on', async () => {
    await on.ask('Create', { Name: 'v' });
    for (const c of ['1', '2', '3']) await on.ask('Mount', { Name: 'v', ID: c.repeat(64) });
    const again = await on.rex.reopen();
    cleanup.add(() => again.close());
    const next = await plug(cleanup, { backend: on.rex.backend, machine: on.rex.machine, store: on.rex.store });
    for (const c of ['1', '2']) await next.ask('Unmount', { Name: 'v', ID: c.repeat(64) });
    expect(on.rex.machine.mounts.size).toBe(1);
    await next.ask('Unmount', { Name: 'v', ID: '3'.repeat(64) });
    expect(on.rex.machine.mounts.size).toBe(0);
    expect(await next.rex.leaks()).toEqual([]);
  });
});

describe('create', () => {
  it('is idempotent and never formats what was formatted', async () => {
    const opts = { size: '1', newFsType: 'xfs', overwriteFs: 'true' };
    await on.ask('Create', { Name: 'v', Opts: opts });
    await on.ask('Mount', { Name: 'v', ID });
    on.rex.machine.write('/volumes/v/data/file', 'kept');
    await on.ask('Unmount', { Name: 'v', ID });
    for (const Opts of [opts, {}, { ...opts, newFsType: 'ext4' }, { size: '512MiB' }])
      expect((await on.ask('Create', { Name: 'v', Opts })).status).toBe(200);
    await on.ask('Mount', { Name: 'v', ID });
    expect(on.rex.machine.read('/volumes/v/data/file')).toBe('kept');
    expect(on.rex.trace.filter((t) => t === 'mount/format')).toHaveLength(1);
  });

  it('create.disable and remove.disable: success without acting, and a warning', async () => {
    const off = await plug(cleanup, { policy: { createDisable: true, removeDisable: true } });
    expect((await off.ask('Create', { Name: 'v' })).body).toEqual({ Err: '' });
    expect(off.rex.backend.volumes.size).toBe(0);
    expect(off.log.join('\n')).toMatch(/warn .*create\.disable/);
    const keeps = await plug(cleanup, { policy: { removeDisable: true } });
    await keeps.ask('Create', { Name: 'v' });
    expect((await keeps.ask('Remove', { Name: 'v' })).body).toEqual({ Err: '' });
    expect(keeps.rex.backend.volumes.size).toBe(1);
    expect(keeps.log.join('\n')).toMatch(/warn .*remove\.disable/);
  });
});
