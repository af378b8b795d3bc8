import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Integration, Mount } from '@rexray/core';
import { authority, Cleanup, HOSTS, type Host, hosts, mountedFileSystem, suite, XFS } from '@rexray/rig';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type DaemonProcess, daemon, eventually, Home } from './rig.ts';

const KEY = 'a secret that nobody guesses';
const PORT = 7979;
const NO_DEFAULT = { modules: { none: { type: 'rest', disabled: true } } };

/** A machine with `rexray start` on it. */
interface Machine {
  readonly host: Host;
  readonly home: Home;
  readonly daemon: DaemonProcess;
  /** Through the socket of its daemon. */
  readonly volumes: Integration;
  /** A path there as it is reached from here. */
  file(path: string): string;
}

// One server with the storage and its rules, two agents with nothing but its address: own network, mounts, hostname, state.
suite('three hosts', { ...HOSTS, loop: true, programs: { ...HOSTS.programs, ...XFS, openssl: 'openssl' } }, () => {
  const cleanup = new Cleanup();
  let shared: string;
  let server: Machine;
  let a: Machine;
  let b: Machine;

  async function machine(host: Host, config: object): Promise<Machine> {
    const home = new Home(cleanup, config as never);
    const d = await daemon(cleanup, home, host.enter);
    const volumes = await d.client(cleanup).integration();
    return { host, home, daemon: d, volumes, file: (path) => join(`/proc/${host.pid}/root`, path) };
  }

  beforeAll(async () => {
    shared = join(mountedFileSystem(cleanup, 'xfs'), 'volumes');
    mkdirSync(shared);
    const [s, one, two] = await hosts(cleanup, 'server', 'one', 'two');
    if (s === undefined || one === undefined || two === undefined) throw new Error('three hosts');
    const dir = cleanup.tempDir('rx-tls-');
    const ca = authority(dir);
    const { certFile, keyFile } = ca.sign('server');
    const local = { driver: 'local-loop', 'local-loop': { volumePath: shared, shared: true } };
    const endpoints = { web: { address: `tcp://:${PORT}`, tls: { certFile, keyFile } } };
    server = await machine(s, {
      libstorage: {
        service: 'shared',
        client: { type: 'controller' },
        server: { auth: { key: KEY }, endpoints, services: { shared: local } },
      },
      rexray: NO_DEFAULT,
    });
    const agent = async (host: Host, remote: object): Promise<Machine> => {
      const token = join(dir, `${host.name}.token`);
      writeFileSync(token, (await server.home.rexray('token', 'new', host.name)).out);
      const tls = { trustedCertsFile: ca.certFile, serverName: 'server' };
      return machine(host, {
        libstorage: { host: `tcp://${host.hub}:${PORT}`, service: 'shared', client: { tls, auth: { token } } },
        remote,
        rexray: { ...NO_DEFAULT, allowRoots: [shared], node: { mountNamespace: '/proc/self' } },
      });
    };
    // One that gives up early, and one that waits for a server that comes back.
    a = await agent(one, { silenceMs: 11_000, patienceMs: 3_000 });
    b = await agent(two, { patienceMs: 60_000 });
  }, 120_000);
  afterAll(() => cleanup.run());

  const mount = (m: Machine, name: string, o: object = {}): Promise<Mount> =>
    m.volumes.mount(name, { holder: 'cli', ...o });
  const unmount = (m: Machine, name: string): Promise<void> => m.volumes.unmount(name, { holder: 'cli' });
  const failure = async (p: Promise<unknown>): Promise<{ code: string; message: string; hint?: string }> =>
    p.then(
      (x) => {
        throw new Error(`expected a failure, got ${JSON.stringify(x)}`);
      },
      (e) => e,
    );
  /** Written and on disk, by a process that sees what the machine sees. */
  const put = (m: Machine, path: string, text: string): void => {
    const fd = openSync(m.file(path), 'a');
    try {
      writeSync(fd, text);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  };
  const nodeOf = async (m: Machine): Promise<string> => (await m.volumes.nodes.list()).find((n) => n.here)?.node ?? '';

  it('a volume that one makes, the other mounts: the data moves, one owner at a time', async () => {
    const v = await a.volumes.create('data', { size: '64MiB' });
    expect([v.driver, v.service]).toEqual(['remote', 'shared']);
    const m = await mount(a, 'data');
    put(a, join(m.path, 'hello'), 'from one');
    expect(await nodeOf(a)).not.toBe(await nodeOf(b));
    const e = await failure(mount(b, 'data'));
    expect([e.code, e.message]).toEqual(['in_use', expect.stringContaining(await nodeOf(a))]);
    // The server sees it, and touches nothing.
    expect((await server.volumes.get('data')).state).toBe('unavailable');
    const here = await failure(mount(server, 'data'));
    expect([here.code, here.message]).toEqual(['unsupported', expect.stringContaining('controller')]);
    await unmount(a, 'data');
    const n = await mount(b, 'data');
    expect(readFileSync(b.file(join(n.path, 'hello')), 'utf8')).toBe('from one');
    await unmount(b, 'data');
    await a.volumes.remove('data');
    expect((await b.volumes.list()).items).toEqual([]);
  });

  it('S10, S11: a takeover goes through the server: the loser is taken off, its data is there', async () => {
    await a.volumes.create('taken', { size: '64MiB' });
    const m = await mount(a, 'taken');
    put(a, join(m.path, 'hello'), 'before');
    const n = await mount(b, 'taken', { preempt: true });
    expect(n.notes.join()).toContain(`taken over from node ${await nodeOf(a)}`);
    expect(readFileSync(b.file(join(n.path, 'hello')), 'utf8')).toBe('before');
    await a.daemon.says('taken over by another node', 30_000);
    expect(() => put(a, join(m.path, 'hello'), 'after')).toThrow();
    expect((await failure(mount(a, 'taken'))).code).toBe('in_use');
    await unmount(a, 'taken');
    await unmount(b, 'taken');
    await b.volumes.remove('taken');
  });

  it('cut off: what is mounted stays usable, errors are bounded and clear, the unmount completes later', async () => {
    await a.volumes.create('cut', { size: '64MiB' });
    const m = await mount(a, 'cut');
    a.host.link(false);
    put(a, join(m.path, 'hello'), 'while cut off');
    const began = performance.now();
    const e = await failure(a.volumes.list());
    expect([e.code, e.message]).toEqual(['unavailable', expect.stringContaining('https://10.77.1.1')]);
    expect(performance.now() - began).toBeLessThan(90_000);
    put(a, join(m.path, 'hello'), ', still');
    const u = await failure(unmount(a, 'cut'));
    expect([u.code, u.message, u.hint]).toEqual([
      'unavailable',
      expect.stringContaining('is off this node'),
      expect.stringContaining('when the server answers'),
    ]);
    expect(readFileSync(`/proc/${a.host.pid}/mountinfo`, 'utf8')).not.toContain(m.root);
    expect((await failure(mount(b, 'cut'))).code).toBe('in_use');
    a.host.link(true);
    const n = await eventually(
      () => mount(b, 'cut').catch(() => undefined),
      () => `the claim was not given back: ${a.daemon.out.slice(-2000)}`,
      120_000,
    );
    expect(readFileSync(b.file(join(n.path, 'hello')), 'utf8')).toBe('while cut off, still');
    await unmount(b, 'cut');
    await a.volumes.remove('cut');
  }, 400_000);

  it('a server that is killed and comes back: the agents go on', async () => {
    await a.volumes.create('on', { size: '64MiB' });
    const m = await mount(a, 'on');
    server.daemon.child.kill('SIGKILL');
    await server.daemon.ended;
    put(a, join(m.path, 'hello'), 'without a server');
    const waiting = b.volumes.list();
    const again = await daemon(cleanup, server.home, server.host.enter);
    expect((await waiting).items.map((v) => v.name)).toEqual(['on']);
    await unmount(a, 'on');
    await a.volumes.remove('on');
    await again.stop();
  });
});
