/**
 * The configuration file of REX-Ray's VirtualBox tutorial, word for word and with no key added, on the real VirtualBox: its web
 * service at 10.0.2.2:18083, where a guest behind NAT finds its host, and a machine that has the address of this node.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { loopAttach } from '@rexray/kernel';
import { Cleanup, EXT4, FROM_SOURCES, missing, NODE24, VirtualBox, virtualboxSuite } from '@rexray/rig';
import { afterAll, expect, it } from 'vitest';

const FILE = `libstorage:
  service: virtualbox
  integration:
    volume:
      operations:
        mount:
          preempt: true
        unmount:
          ignoreusedcount: true
        remove:
          disable: true
virtualbox:
  volumePath: $HOME/VirtualBox/Volumes
`;
const MAC = '08:00:27:5e:ed:01';
const MAIN = fileURLToPath(new URL('../src/seed-main.ts', import.meta.url));
const NEEDS = missing({ root: true, loop: true, namespaces: true, programs: { ...EXT4, ip: 'iproute2' } });

/** A network with the host's address and this node's card, and a /dev in which udev's names can be made; then the program. */
const PRELUDE = `set -e
ip link set lo up
ip addr add 10.0.2.2/32 dev lo
ip link add enp0s3 type veth peer name nat0
ip link set enp0s3 address ${MAC}
ip addr add 10.0.2.15/24 dev enp0s3
ip link set nat0 up
ip link set enp0s3 up
mount -t sysfs sysfs /sys
mount -t tmpfs -o mode=755 dev "$1"
cp -ax /dev/. "$1"/
rm -rf "$1"/disk
mkdir -p "$1"/disk/by-id
mount --bind "$1" /dev
shift
exec "$@"`;

interface Reply {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: { readonly code: string; readonly message: string; readonly details?: { readonly rule?: string } };
}

virtualboxSuite('the documented VirtualBox file, word for word', () => {
  const cleanup = new Cleanup();
  afterAll(() => cleanup.run());

  it.skipIf(NEEDS !== undefined)('create, attach, mount, unmount, detach; remove is disabled', async () => {
    const dir = cleanup.tempDir('rexray-seed-');
    mkdirSync(join(dir, 'rexray/etc'), { recursive: true });
    mkdirSync(join(dir, 'dev'));
    writeFileSync(join(dir, 'rexray/etc/rexray.yml'), FILE);
    // What the guest's kernel would show for the disk: as large as the volume.
    writeFileSync(join(dir, 'disk'), '');
    truncateSync(join(dir, 'disk'), 2 ** 30);
    const fd = openSync(join(dir, 'disk'), 'r+');
    const loop = loopAttach(fd);
    closeSync(fd);
    cleanup.add(() => closeSync(loop.fd));

    const node = new Node(dir);
    cleanup.add(() => node.kill());
    await node.ready;
    const vb = await VirtualBox.start(cleanup, { address: '10.0.2.2', port: 18_083, networkOf: node.inside() });
    const machine = await vb.addMachine('seed', { mac: MAC });
    await vb.addMachine('another', { mac: '08:00:27:5e:ed:02' });

    expect(await node.call('open')).toBe('virtualbox');
    const volume = await node.call<{ id: string; name: string }>('create', 'test12345', { size: '1GiB' });
    expect(await vb.locations()).toContain('/home/vagrant/VirtualBox/Volumes/test12345.vdi');

    await node.call('udev', byId(volume.id), loop.path);
    await node.call('attach', 'test12345');
    expect([...(await vb.disksOf('seed')).values()]).toEqual([volume.id]);
    const mounted = await node.call<{ path: string }>('mount', 'test12345');
    expect(mounted.path).toBe(join(dir, 'rexray/var/lib/volumes/test12345/data'));
    expect((await node.call<{ attachments: { node: string }[] }>('get', 'test12345')).attachments).toMatchObject([
      { node: machine },
    ]);
    await node.call('unmount', 'test12345');
    await node.call('detach', 'test12345');
    expect((await vb.disksOf('seed')).size).toBe(0);

    const refused = await node.reply('remove', 'test12345');
    expect(refused.error).toMatchObject({ code: 'denied' });
    expect(JSON.stringify(refused.error)).toContain('remove.disable');
    expect(await vb.locations()).toContain('/home/vagrant/VirtualBox/Volumes/test12345.vdi');
    await node.call('close');
    await node.ended;
  });
});

function byId(uuid: string): string {
  const hex = uuid.replaceAll('-', '');
  return `ata-VBOX_HARDDISK_VB${hex.slice(0, 8)}-${(hex.slice(24).match(/../g) ?? []).reverse().join('')}`;
}

class Node {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (r: Reply) => void>();
  readonly ready: Promise<void>;
  readonly ended: Promise<void>;
  #next = 0;
  #stderr = '';

  constructor(dir: string) {
    const program = [NODE24, ...FROM_SOURCES, MAIN];
    this.#child = spawn(
      'unshare',
      [
        '--mount',
        '--net',
        '--uts',
        '--pid',
        '--fork',
        '--kill-child',
        '--mount-proc',
        '--propagation',
        'private',
        'sh',
        '-c',
        PRELUDE,
        'sh',
        join(dir, 'dev'),
        ...program,
      ],
      {
        cwd: dir,
        stdio: ['pipe', 'pipe', 'pipe'],
        env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin`, HOME: '/home/vagrant', REXRAY_HOME: join(dir, 'rexray') },
      },
    );
    this.#child.stderr?.on('data', (d: Buffer) => {
      this.#stderr += d.toString();
    });
    this.ended = new Promise((resolve) => this.#child.once('exit', () => resolve()));
    let isReady: () => void = () => {};
    this.ready = new Promise((resolve, reject) => {
      isReady = resolve;
      void this.ended.then(() => reject(new Error(`the node ended: ${this.#stderr}`)));
    });
    if (this.#child.stdout === null) throw new Error('no stdout');
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      if (line === 'ready') return isReady();
      const r = JSON.parse(line) as Reply;
      this.#waiting.get(r.id)?.(r);
    });
  }

  /** Pid, seen from here, of the program inside. */
  inside(): number {
    const parent = String(this.#child.pid);
    const found = readdirSync('/proc').find((pid) => {
      try {
        return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[1] === parent;
      } catch {
        return false;
      }
    });
    return Number(found);
  }

  reply(verb: string, ...args: unknown[]): Promise<Reply> {
    this.#next += 1;
    const id = this.#next;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, resolve);
      void this.ended.then(() => reject(new Error(`the node ended: ${this.#stderr}`)));
      this.#child.stdin?.write(`${JSON.stringify({ id, verb, args })}\n`);
    });
  }

  async call<T = unknown>(verb: string, ...args: unknown[]): Promise<T> {
    const r = await this.reply(verb, ...args);
    if (r.error !== undefined) throw new Error(`${verb}: ${JSON.stringify(r.error)}`);
    return r.result as T;
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }
}
