import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cleanup } from './cleanup.ts';

/** What {@link hosts} needs; for `suite`. */
export const HOSTS = { root: true, namespaces: true, programs: { ip: 'iproute2', nsenter: 'util-linux' } } as const;

/** A machine, as far as network, mounts and hostname can tell: namespaces of its own, held by a process that sleeps. */
export class Host {
  readonly name: string;
  readonly #holder: ChildProcess;
  /** How the hub reaches it, and how it reaches the hub. */
  address = '';
  hub = '';
  #cable: (up: boolean) => void = () => {};

  constructor(name: string) {
    this.name = name;
    const hold = ['--mount', '--net', '--uts', '--propagation', 'private', 'sleep', 'infinity'];
    this.#holder = spawn('unshare', hold, { stdio: 'ignore' });
  }

  get pid(): number {
    return this.#holder.pid ?? 0;
  }

  /** Before the words of a command: it runs there, with the pid that it would have here. */
  get enter(): readonly string[] {
    return ['nsenter', '-t', String(this.pid), '-m', '-n', '-u', '--'];
  }

  run(...argv: readonly string[]): string {
    const [program = '', ...args] = [...this.enter, ...argv];
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }

  /** Waits until the holder sleeps in namespaces of its own. */
  async ready(): Promise<void> {
    for (let i = 0; i < 500; i++) {
      // Its last step before it becomes the sleeper.
      if (readFileSync(`/proc/${this.pid}/comm`, 'utf8').trim() === 'sleep') break;
      await sleep(20);
    }
    this.run('hostname', this.name);
    this.run('ip', 'link', 'set', 'lo', 'up');
  }

  /** A cable to the hub, with a network of its own. */
  plug(hub: Host, number: number): void {
    const far = `to-${this.name}`;
    hub.run('ip', 'link', 'add', far, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(this.pid));
    this.hub = `10.77.${number}.1`;
    this.address = `10.77.${number}.2`;
    hub.run('ip', 'addr', 'add', `${this.hub}/30`, 'dev', far);
    hub.run('ip', 'link', 'set', far, 'up');
    this.run('ip', 'addr', 'add', `${this.address}/30`, 'dev', 'eth0');
    this.run('ip', 'link', 'set', 'eth0', 'up');
    this.#cable = (up) => void hub.run('ip', 'link', 'set', far, up ? 'up' : 'down');
  }

  /** Pulls the cable, or puts it back. */
  link(up: boolean): void {
    this.#cable(up);
  }

  kill(): void {
    this.#holder.kill('SIGKILL');
  }
}

/** A hub and hosts around it. Their namespaces go with the last process in them. */
export async function hosts(cleanup: Cleanup, hub: string, ...names: readonly string[]): Promise<readonly Host[]> {
  const all = [hub, ...names].map((name) => new Host(name));
  const [first, ...others] = all;
  cleanup.add(() => {
    for (const h of all) h.kill();
  });
  for (const h of all) await h.ready();
  if (first !== undefined) for (const [i, h] of others.entries()) h.plug(first, i + 1);
  return all;
}
