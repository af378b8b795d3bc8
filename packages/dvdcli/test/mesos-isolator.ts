/** What Mesos's `docker/volume` isolator does with dvdcli: the same calls in the same order, checkpoint and recovery included. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Dvdcli, Ran } from './program.ts';

export interface DockerVolume {
  readonly driver: string;
  readonly name: string;
  readonly options?: Readonly<Record<string, string>>;
}

/** The agent's words for a failed call. */
export class IsolatorFailure extends Error {}

export const mountArgv = (v: DockerVolume): string[] => [
  'mount',
  `--volumedriver=${v.driver}`,
  `--volumename=${v.name}`,
  ...Object.entries(v.options ?? {}).map(([k, x]) => `--volumeopts=${k}=${x}`),
];
export const unmountArgv = (v: DockerVolume): string[] => [
  'unmount',
  `--volumedriver=${v.driver}`,
  `--volumename=${v.name}`,
];

const same = (a: DockerVolume, b: DockerVolume): boolean => a.driver === b.driver && a.name === b.name;

export class DockerVolumeIsolator {
  readonly #dvdcli: Dvdcli;
  readonly #checkpoints: string;
  readonly #containers = new Map<string, readonly DockerVolume[]>();
  /** Operations on one (driver, name) wait for each other; others do not. */
  readonly #turns = new Map<string, Promise<unknown>>();
  /** An agent that died does nothing more. */
  #dead = false;
  readonly killAfterMs: number;

  constructor(dvdcli: Dvdcli, checkpoints: string, killAfterMs = 120_000) {
    this.#dvdcli = dvdcli;
    this.#checkpoints = checkpoints;
    this.killAfterMs = killAfterMs;
  }

  /** Sources of the bind mounts, in the order of the volumes. */
  async prepare(container: string, volumes: readonly DockerVolume[]): Promise<readonly string[]> {
    const dir = join(this.#checkpoints, container);
    mkdirSync(dir, { recursive: true });
    writeFileSync(
      join(dir, 'volumes'),
      JSON.stringify({ volumes: volumes.map(({ driver, name }) => ({ driver, name })) }),
    );
    this.#containers.set(container, volumes);
    const sources = await Promise.allSettled(volumes.map((v) => this.#call(v, mountArgv(v))));
    const failed = sources.filter((s) => s.status === 'rejected');
    if (failed.length > 0) throw new IsolatorFailure(failed.map((f) => String((f.reason as Error).message)).join('; '));
    return sources.map((s) => (s as PromiseFulfilledResult<Ran>).value.out.trim());
  }

  /** Unmounts what no other container on this agent uses; called, too, for a container that could not be prepared. */
  async cleanup(container: string): Promise<void> {
    const volumes = this.#containers.get(container) ?? [];
    this.#containers.delete(container);
    const others = [...this.#containers.values()].flat();
    const last = volumes.filter(
      (v, i) => !others.some((o) => same(o, v)) && volumes.findIndex((x) => same(x, v)) === i,
    );
    const done = await Promise.allSettled(last.map((v) => this.#call(v, unmountArgv(v))));
    const failed = done.find((d) => d.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    rmSync(join(this.#checkpoints, container), { recursive: true, force: true });
  }

  /** What a new agent does: knows what still runs, takes everything else for orphans and cleans them up. */
  async recover(running: readonly string[]): Promise<void> {
    for (const container of readdirSync(this.#checkpoints)) {
      const file = join(this.#checkpoints, container, 'volumes');
      const { volumes } = JSON.parse(readFileSync(file, 'utf8')) as { volumes: DockerVolume[] };
      this.#containers.set(container, volumes);
    }
    for (const container of [...this.#containers.keys()].filter((c) => !running.includes(c)))
      await this.cleanup(container);
  }

  crash(): void {
    this.#dead = true;
  }

  async #call(v: DockerVolume, argv: readonly string[]): Promise<Ran> {
    const key = `${v.driver}/${v.name}`;
    const turn = (this.#turns.get(key) ?? Promise.resolve()).then(() => this.#run(argv));
    this.#turns.set(
      key,
      turn.catch(() => undefined),
    );
    return turn;
  }

  async #run(argv: readonly string[]): Promise<Ran> {
    if (this.#dead) throw new IsolatorFailure('the agent is dead');
    const ran = await this.#dvdcli.run(argv, { timeoutMs: this.killAfterMs });
    if (ran.signal !== null) throw new IsolatorFailure(`'${argv[0]}' timed out`);
    if (ran.status !== 0) throw new IsolatorFailure(`Unexpected termination of the subprocess: ${ran.err}`);
    return ran;
  }
}
