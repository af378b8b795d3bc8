import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Loop, loopAttach, loopSetCapacity } from '@rexray/kernel';
import type { Cleanup } from '@rexray/rig';
import type { Ec2Model } from './ec2/model.ts';
import type { FaultServer } from './ec2/server.ts';

const GIB = 2 ** 30;
export type Hardware = 'nitro with udev' | 'nitro without udev' | 'xen';

/** The bytes of all volumes: one sparse image each, whatever instance they are on. */
export class Shelf {
  readonly #dir: string;
  constructor(cleanup: Cleanup) {
    this.#dir = cleanup.tempDir('rexray-ebs-shelf-');
  }
  /** A descriptor of its image, which has that size afterwards. */
  open(volume: string, gib: number): number {
    const fd = openSync(this.image(volume), existsSync(this.image(volume)) ? 'r+' : 'w+');
    ftruncateSync(fd, gib * GIB);
    return fd;
  }
  image(volume: string): string {
    return join(this.#dir, `${volume}.img`);
  }
}

/**
 * The disks of one instance: a `/sys` and a `/dev` as its kernel (and udev) would show them, and a real loop device behind
 * each name. Laid out as Linux does for nvme with multipath (a hidden `nvme1c1n1` without a node) and for xen-blkfront.
 */
export class Rack {
  readonly sysDir: string;
  readonly devDir: string;
  readonly byIdDir: string;
  readonly #hardware: Hardware;
  readonly #shelf: Shelf;
  /** Volumes that EC2 has attached and this machine does not show (yet). */
  readonly unseen = new Set<string>();
  readonly #disks = new Map<string, { readonly loop: Loop; readonly image: number; readonly name: string }>();
  #next = 0;

  constructor(cleanup: Cleanup, shelf: Shelf, hardware: Hardware) {
    const dir = cleanup.tempDir('rexray-ebs-rack-');
    this.#shelf = shelf;
    this.#hardware = hardware;
    this.sysDir = join(dir, 'sys');
    this.devDir = join(dir, 'dev');
    this.byIdDir = join(this.devDir, 'disk/by-id');
    for (const d of ['block', 'class/block', 'class/nvme']) mkdirSync(join(this.sysDir, d), { recursive: true });
    mkdirSync(this.devDir);
    // Temporary directories are often mounted without devices.
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=700', 'rexray-test', this.devDir]);
    cleanup.add(() => execFileSync('umount', [this.devDir]));
    if (hardware === 'nitro with udev') mkdirSync(this.byIdDir, { recursive: true });
    cleanup.add(() => {
      for (const volume of [...this.#disks.keys()]) this.unplug(volume);
    });
  }

  /** Kernel name of the disk of a volume. */
  nameOf(volume: string): string | undefined {
    return this.#disks.get(volume)?.name;
  }
  /** `major:minor` of it. */
  devnoOf(volume: string): string | undefined {
    const disk = this.#disks.get(volume);
    return disk === undefined ? undefined : `7:${disk.loop.number}`;
  }

  plug(volume: string, gib: number, device: string): void {
    if (this.#disks.has(volume) || this.unseen.has(volume)) return;
    const image = this.#shelf.open(volume, gib);
    const loop = loopAttach(image);
    const name = this.#hardware === 'xen' ? device.replace(/^\/dev\/(sd|xvd)/, 'xvd') : `nvme${this.#next}n1`;
    this.#disks.set(volume, { loop, image, name });
    this.#describe(name, gib, `7:${loop.number}`);
    execFileSync('mknod', [join(this.devDir, name), 'b', '7', String(loop.number)]);
    if (this.#hardware !== 'xen') this.#nvme(name, volume);
  }

  unplug(volume: string): void {
    const disk = this.#disks.get(volume);
    if (disk === undefined) return;
    this.#disks.delete(volume);
    const controller = disk.name.replace(/n1$/, '');
    for (const gone of [`block/${disk.name}`, `class/block/${disk.name}`, `class/nvme/${controller}`])
      rmSync(join(this.sysDir, gone), { recursive: true, force: true });
    rmSync(join(this.devDir, disk.name), { force: true });
    for (const id of this.#ids(volume)) rmSync(join(this.byIdDir, id), { force: true });
    closeSync(disk.loop.fd);
    closeSync(disk.image);
  }

  grow(volume: string, gib: number): void {
    const disk = this.#disks.get(volume);
    if (disk === undefined) return;
    ftruncateSync(disk.image, gib * GIB);
    loopSetCapacity(disk.loop.fd);
    writeFileSync(join(this.sysDir, 'block', disk.name, 'size'), `${(gib * GIB) / 512}\n`);
  }

  /** A disk that the kernel still has and EC2 has forgotten. */
  ghost(device: string): void {
    this.#describe(device.slice('/dev/'.length), 1, '202:9999');
  }

  #describe(name: string, gib: number, devno: string): void {
    const at = join(this.sysDir, 'block', name);
    mkdirSync(join(at, 'holders'), { recursive: true });
    writeFileSync(join(at, 'size'), `${(gib * GIB) / 512}\n`);
    writeFileSync(join(at, 'dev'), `${devno}\n`);
    writeFileSync(join(at, 'ro'), '0\n');
    symlinkSync(join('../../block', name), join(this.sysDir, 'class/block', name));
  }

  #nvme(name: string, volume: string): void {
    const controller = `nvme${this.#next++}`;
    const at = join(this.sysDir, 'class/nvme', controller);
    mkdirSync(at);
    // Padded with spaces to its twenty bytes, as the controller answers.
    writeFileSync(join(at, 'serial'), `${volume.replace('-', '').padEnd(20)}\n`);
    writeFileSync(join(at, 'model'), 'Amazon Elastic Block Store              \n');
    symlinkSync(join('../../class/nvme', controller), join(this.sysDir, 'block', name, 'device'));
    const hidden = join(this.sysDir, 'block', `${controller}c${controller.slice(4)}n1`);
    mkdirSync(hidden, { recursive: true });
    writeFileSync(join(hidden, 'size'), readFileSync(join(this.sysDir, 'block', name, 'size')));
    if (this.#hardware === 'nitro with udev')
      for (const id of this.#ids(volume)) symlinkSync(join('../..', name), join(this.byIdDir, id));
  }
  #ids(volume: string): readonly string[] {
    const id = `nvme-Amazon_Elastic_Block_Store_${volume.replace('-', '')}`;
    return [id, `${id}_1`];
  }
}

/** Disks come and go, and grow, as EC2 does what it was asked; they come a moment after EC2 says so. */
export function wire(server: FaultServer, racks: ReadonlyMap<string, Rack>, cleanup: Cleanup): string[] {
  const wrong: string[] = [];
  const timers = new Set<NodeJS.Timeout>();
  cleanup.add(() => {
    for (const t of timers) clearTimeout(t);
  });
  server.watch = (when, action) => {
    if (when === 'before') {
      // The host must have let go by then: EC2 takes the disk away whatever is on it.
      if (action === 'DetachVolume') wrong.push(...mountedNow(racks, server.model));
      return;
    }
    server.model.advance();
    unplugAll(racks, server.model);
    timers.add(setTimeout(() => plugAll(racks, server.model), 80));
  };
  return wrong;
}

const on = (m: Ec2Model, volume: string, instance: string) =>
  m.volumes.get(volume)?.attachments.find((a) => a.instance === instance && a.state !== 'detaching');

function plugAll(racks: ReadonlyMap<string, Rack>, m: Ec2Model): void {
  for (const [instance, rack] of racks)
    for (const v of m.volumes.values()) {
      const a = on(m, v.id, instance);
      if (a === undefined) continue;
      if (rack.nameOf(v.id) === undefined) rack.plug(v.id, v.size, a.device);
      else rack.grow(v.id, v.size);
    }
}
function unplugAll(racks: ReadonlyMap<string, Rack>, m: Ec2Model): void {
  for (const [instance, rack] of racks)
    for (const id of [...m.volumes.keys()]) if (on(m, id, instance) === undefined) rack.unplug(id);
}
function mountedNow(racks: ReadonlyMap<string, Rack>, m: Ec2Model): string[] {
  const table = readFileSync('/proc/self/mountinfo', 'utf8').trim().split('\n');
  return [...racks].flatMap(([instance, rack]) =>
    [...m.volumes.keys()]
      .filter((id) => rack.nameOf(id) !== undefined && table.some((l) => l.split(' ')[2] === rack.devnoOf(id)))
      .map((id) => `${id} was mounted on ${instance} when EC2 was asked to detach a volume`),
  );
}
