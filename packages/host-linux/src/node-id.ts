import { randomUUID } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '@rexray/core';
import { errnoCode } from '@rexray/kernel';

interface Identity {
  readonly uuid: string;
  readonly machineId: string;
  /** First hardware address when it was made; empty where there was none. */
  readonly mac: string;
}

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
};

/** Hardware addresses, those of real devices first, else by age of the interface: engines add and remove virtual ones. */
export function hardwareAddresses(): string[] {
  const net = '/sys/class/net';
  let names: string[];
  try {
    names = readdirSync(net);
  } catch {
    return [];
  }
  const found = names.map((name) => ({
    mac: read(join(net, name, 'address')).toLowerCase(),
    real: read(join(net, name, 'device/uevent')) !== '',
    index: Number(read(join(net, name, 'ifindex'))),
  }));
  const usable = found.filter(({ mac }) => mac !== '' && mac !== '00:00:00:00:00:00');
  usable.sort((a, b) => Number(b.real) - Number(a.real) || a.index - b.index);
  return [...new Set(usable.map(({ mac }) => mac))];
}

function load(path: string): Identity | undefined {
  const text = read(path);
  if (text === '') return undefined;
  try {
    const o = JSON.parse(text) as Partial<Identity>;
    if (typeof o.uuid !== 'string') return undefined;
    return { uuid: o.uuid, machineId: o.machineId ?? '', mac: o.mac ?? '' };
  } catch {
    return undefined;
  }
}

function writeDurably(dir: string, name: string, text: string): string {
  const tmp = join(dir, `.${name}.${process.pid}.${randomUUID()}`);
  const fd = openSync(tmp, 'wx', 0o600);
  try {
    writeSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  return tmp;
}

function syncDir(dir: string): void {
  const fd = openSync(dir, 'r');
  fsyncSync(fd);
  closeSync(fd);
}

/**
 * This node's uuid: made once, kept in the state directory, tied to the machine id and a hardware address (S8). A copied
 * disk or machine therefore gets an identity of its own. Several processes that start at once agree on one.
 */
export function nodeId(stateDir: string, macs: readonly string[], logger: Logger): string {
  const path = join(stateDir, 'node.json');
  const machineId = read('/etc/machine-id');
  const known = load(path);
  const foreign =
    known !== undefined &&
    (known.machineId !== machineId || (known.mac !== '' && macs.length > 0 && !macs.includes(known.mac)));
  if (known !== undefined && !foreign) return known.uuid;
  const fresh: Identity = { uuid: randomUUID(), machineId, mac: macs[0] ?? '' };
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const tmp = writeDurably(stateDir, 'node.json', `${JSON.stringify(fresh)}\n`);
  try {
    if (known === undefined && read(path) === '') linkSync(tmp, path);
    else renameSync(tmp, path);
    if (foreign) {
      logger.warn(
        { was: known.uuid, now: fresh.uuid },
        'This state directory was made on another machine or for other hardware: the node has a new identity.',
      );
    }
  } catch (e) {
    if (errnoCode(e) !== 'EEXIST') throw e;
  } finally {
    rmSync(tmp, { force: true });
  }
  syncDir(stateDir);
  return load(path)?.uuid ?? fresh.uuid;
}
