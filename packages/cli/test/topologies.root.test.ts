import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Integration } from '@rexray/core';
import { authority, Cleanup, EXT4, HOSTS, hosts, suite } from '@rexray/rig';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { daemon, Home } from './rig.ts';

const KEY = 'a secret that nobody guesses';
const NO_DEFAULT = { modules: { none: { type: 'rest', disabled: true } } };

// REX-Ray's topologies by its own keys. The centralised one, with the server on another host, is in three-hosts.
suite('topologies', { ...HOSTS, loop: true, programs: { ...HOSTS.programs, ...EXT4, openssl: 'openssl' } }, () => {
  let cleanup: Cleanup;
  let images: string;
  beforeEach(() => {
    cleanup = new Cleanup();
    images = join(cleanup.tempDir('rx-images-'), 'volumes');
    mkdirSync(images);
  });
  afterEach(() => cleanup.run());

  const rexray = (more: object = {}) => ({ ...NO_DEFAULT, node: { mountNamespace: '/proc/self' }, ...more });
  const loop = () => ({ driver: 'local-loop', 'local-loop': { volumePath: images, shared: true } });

  /** Made, mounted, written, seen by whoever enters the host, and given back. */
  async function used(volumes: Integration, pid: number, name = 'data'): Promise<void> {
    await volumes.create(name, { size: '64MiB' });
    const m = await volumes.mount(name, { holder: 'cli' });
    writeFileSync(join(`/proc/${pid}/root`, m.path, 'hello'), name);
    expect(readFileSync(join(`/proc/${pid}/root`, m.root, 'data/hello'), 'utf8')).toBe(name);
    await volumes.unmount(name, { holder: 'cli' });
  }

  it('embedded: one process, no address, nothing listens but its socket', async () => {
    const [host] = await hosts(cleanup, 'alone');
    if (host === undefined) throw new Error('a host');
    const home = new Home(cleanup, {
      libstorage: { service: 'loop', server: { services: { loop: loop() } } },
      rexray: rexray(),
    });
    const d = await daemon(cleanup, home, host.enter);
    const volumes = await d.client(cleanup).integration();
    expect(volumes.driver).toBe('local-loop');
    await used(volumes, host.pid);
    expect(host.run('cat', '/proc/net/tcp').trim().split('\n')).toHaveLength(1);
  });

  it('server and agent on one host, one file for both: the first is the server, the second finds it and is its agent', async () => {
    const [host] = await hosts(cleanup, 'both');
    if (host === undefined) throw new Error('a host');
    const dir = cleanup.tempDir('rx-tls-');
    const ca = authority(dir);
    const { certFile, keyFile } = ca.sign('server');
    const token = join(dir, 'token');
    const config = {
      libstorage: {
        host: 'tcp://127.0.0.1:7979',
        embedded: true,
        service: 'loop',
        tls: { certFile, keyFile, trustedCertsFile: ca.certFile, serverName: 'server' },
        client: { auth: { token } },
        server: { auth: { key: KEY }, services: { loop: loop() } },
      },
      rexray: rexray({ allowRoots: [images] }),
    };
    const home = new Home(cleanup, config);
    writeFileSync(token, (await home.rexray('token', 'new', 'both')).out);
    const server = await daemon(cleanup, home, host.enter);
    expect(server.out).toContain('https://127.0.0.1:7979');
    const own = await server.client(cleanup).integration();
    expect(own.driver).toBe('local-loop');
    await used(own, host.pid, 'of-the-server');

    const agent = await daemon(cleanup, new Home(cleanup, config), host.enter);
    expect(agent.out).toContain('another server answers there');
    const theirs = await agent.client(cleanup).integration();
    expect([theirs.driver, theirs.service]).toEqual(['remote', 'loop']);
    await used(theirs, host.pid, 'of-the-agent');
    const m = await theirs.mount('of-the-server', { holder: 'cli' });
    expect(readFileSync(join(`/proc/${host.pid}/root`, m.path, 'hello'), 'utf8')).toBe('of-the-server');
    await expect(own.mount('of-the-server', { holder: 'cli' })).rejects.toMatchObject({ code: 'in_use' });
    await theirs.unmount('of-the-server', { holder: 'cli' });
    // What was read again is what it was: the server does not find itself.
    server.child.kill('SIGHUP');
    await server.says('was read again');
    expect((await server.client(cleanup).integration()).driver).toBe('local-loop');
  });
});
