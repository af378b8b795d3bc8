/** The call sequences of both Mesos callers, over whatever volume driver a world has. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Cleanup } from '@rexray/rig';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { APPS, type App, dockerVolumes } from './applications.ts';
import { DvdiModule } from './dvdi-module.ts';
import { type DockerVolume, DockerVolumeIsolator, mountArgv, unmountArgv } from './mesos-isolator.ts';
import type { Dvdcli } from './program.ts';

/** A machine with dvdcli and one volume driver, `unmount.ignoreUsedCount` on. */
export interface World {
  readonly driver: string;
  readonly dvdcli: Dvdcli;
  readonly dir: string;
  /** A path of the machine as this process sees it. */
  see(path: string): string;
  /** Put before a program, runs it on the machine. */
  readonly inside: readonly string[];
  /** Where the task `hello-play` writes: `/var/lib/rexray/volumes/test12345/hello`, or what stands for it. */
  readonly hello: string;
  /** Names of volumes that are mounted now. */
  mounted(): Promise<readonly string[]> | readonly string[];
  /** Options that a volume is made with; what a driver understands. */
  readonly options: Readonly<Record<string, string>>;
}

const HELLO = '/var/lib/rexray/volumes/test12345/hello';

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** One world for all its tests: each has volumes of its own. */
export function mesosSuite(make: (cleanup: Cleanup) => Promise<World>): void {
  const cleanup = new Cleanup();
  let w: World;
  let agents = 0;
  beforeAll(async () => {
    w = await make(cleanup);
  });
  afterAll(() => cleanup.run());
  afterEach(async () => {
    const left = await w.mounted();
    for (const name of left) await w.dvdcli.run(unmountArgv({ driver: w.driver, name }));
    expect(left, 'still mounted at the end').toEqual([]);
  });
  const volume = (name: string): DockerVolume => ({ driver: w.driver, name, options: w.options });
  /** Two of one name are one agent, before and after it died. */
  const isolator = (name = `agent-${++agents}`): DockerVolumeIsolator =>
    new DockerVolumeIsolator(w.dvdcli, join(w.dir, 'checkpoints', name));

  /** From early to nearly done, in ms, by what one mount takes here and now. */
  const moments = async (name: string): Promise<readonly number[]> => {
    await w.dvdcli.run(mountArgv(volume(name)));
    await w.dvdcli.run(unmountArgv(volume(name)));
    const { ms } = await w.dvdcli.run(mountArgv(volume(name)));
    await w.dvdcli.run(unmountArgv(volume(name)));
    return [0.3, 0.5, 0.7, 0.9].map((part) => Math.round(part * ms));
  };

  describe('the docker/volume isolator of Mesos', () => {
    it('containers that share a volume: a mount for each, one unmount at the end, and nothing stays', async () => {
      const agent = isolator();
      const [a] = await agent.prepare('c1', [volume('shared')]);
      const [b] = await agent.prepare('c2', [volume('shared')]);
      const [c] = await agent.prepare('c3', [volume('shared')]);
      expect([b, c]).toEqual([a, a]);
      writeFileSync(w.see(join(a ?? '', 'data')), 'kept');
      await agent.cleanup('c1');
      await agent.cleanup('c3');
      expect(await w.mounted()).toEqual(['shared']);
      expect(readFileSync(w.see(join(a ?? '', 'data')), 'utf8')).toBe('kept');
      await agent.cleanup('c2');
      expect(await w.mounted()).toEqual([]);
      const [again] = await agent.prepare('c4', [volume('shared')]);
      expect(readFileSync(w.see(join(again ?? '', 'data')), 'utf8')).toBe('kept');
      await agent.cleanup('c4');
    });

    it('volumes of one container are mounted in parallel', async () => {
      const agent = isolator();
      const names = ['p1', 'p2', 'p3', 'p4'];
      const paths = await agent.prepare('c', names.map(volume));
      expect(new Set(paths).size).toBe(4);
      for (const p of paths) writeFileSync(w.see(join(p, 'x')), p);
      expect([...(await w.mounted())].sort()).toEqual(names);
      await agent.cleanup('c');
    });

    it('an agent that dies between checkpoint and mount: the next one unmounts what never mounted, and succeeds', async () => {
      const first = isolator('early');
      first.crash();
      await expect(first.prepare('orphan', [volume('never'), volume('neither')])).rejects.toThrow('dead');
      expect(readdirSync(join(w.dir, 'checkpoints/early'))).toEqual(['orphan']);
      await isolator('early').recover([]);
      expect(readdirSync(join(w.dir, 'checkpoints/early'))).toEqual([]);
      expect(await w.mounted()).toEqual([]);
    });

    it('an agent that dies with containers: what still runs keeps its volumes, orphans lose theirs', async () => {
      const first = isolator('late');
      const [kept] = await first.prepare('runs', [volume('kept')]);
      await first.prepare('ended', [volume('lost'), volume('kept')]);
      writeFileSync(w.see(join(kept ?? '', 'data')), 'x');
      first.crash();
      const second = isolator('late');
      await second.recover(['runs']);
      expect(await w.mounted()).toEqual(['kept']);
      expect(readFileSync(w.see(join(kept ?? '', 'data')), 'utf8')).toBe('x');
      await second.cleanup('runs');
    });

    it('one volume that cannot be mounted fails the container; cleaning up unmounts the others', async () => {
      const agent = isolator();
      const bad = { driver: 'no-such-driver', name: 'x' };
      await expect(agent.prepare('c', [volume('good'), bad])).rejects.toThrow(/no-such-driver/);
      // The isolator unmounts every volume of the container; a driver that nobody has stays an error.
      await expect(agent.cleanup('c')).rejects.toThrow(/There is no volume driver "no-such-driver"/);
      expect(await w.mounted()).toEqual([]);
    });

    it('S12: killed in the middle of a mount, whenever that is: one unmount leaves nothing, and the volume can be mounted', async () => {
      for (const ms of await moments('killed')) {
        await w.dvdcli.run(mountArgv(volume('killed')), { timeoutMs: ms });
        await wait(20);
        expect(await w.dvdcli.run(unmountArgv(volume('killed')))).toMatchObject({ status: 0, out: '' });
        expect(await w.mounted(), `killed after ${ms} ms`).toEqual([]);
      }
      expect((await w.dvdcli.run(mountArgv(volume('killed')))).status).toBe(0);
      await w.dvdcli.run(unmountArgv(volume('killed')));
    });
  });

  describe('mesos-module-dvdi', () => {
    it('nine sets of one task', async () => {
      const module = new DvdiModule(w.dvdcli);
      const opts = Object.entries(w.options)
        .map(([k, v]) => `${k}=${v}`)
        .join(',');
      const env: Record<string, string> = {
        DVDI_VOLUME_NAME: 'n0',
        DVDI_VOLUME_DRIVER: w.driver,
        DVDI_VOLUME_OPTS: opts,
      };
      for (let i = 1; i < 9; i++)
        Object.assign(env, {
          [`DVDI_VOLUME_NAME${i}`]: `n${i}`,
          [`DVDI_VOLUME_DRIVER${i}`]: w.driver,
          [`DVDI_VOLUME_OPTS${i}`]: opts,
        });
      const paths = await module.prepare('t', env);
      expect(new Set(paths).size).toBe(9);
      for (const p of paths) expect(existsSync(w.see(p))).toBe(true);
      expect(await w.mounted()).toHaveLength(9);
      expect(await module.cleanup('t')).toEqual(Array(9).fill('unmounted'));
    });

    it('tasks that share a volume: mounted for the first, unmounted for the last', async () => {
      const module = new DvdiModule(w.dvdcli);
      const env = { DVDI_VOLUME_NAME: 'both', DVDI_VOLUME_DRIVER: w.driver };
      expect(await module.prepare('t1', env)).toEqual(await module.prepare('t2', env));
      expect(await module.cleanup('t1')).toEqual([]);
      expect(await w.mounted()).toEqual(['both']);
      expect(await module.cleanup('t2')).toEqual(['unmounted']);
    });

    it('--explicitCreate: a volume that is not there fails the task, and what was mounted before it is reverted', async () => {
      const module = new DvdiModule(w.dvdcli);
      const env = {
        DVDI_VOLUME_NAME: 'there',
        DVDI_VOLUME_DRIVER: w.driver,
        DVDI_VOLUME_NAME1: 'absent',
        DVDI_VOLUME_DRIVER1: w.driver,
        DVDI_VOLUME_EXPLICITCREATE1: 'true',
      };
      await expect(module.prepare('t', env)).rejects.toThrow('absent: mount command failed with status 3');
      expect(await w.mounted()).toEqual([]);
      const names = (await w.dvdcli.run(['list', `--volumedriver=${w.driver}`])).out.split('\n');
      expect(names).toContain('there');
      expect(names).not.toContain('absent');
    });
  });

  describe('the applications of docs/mesos.md', () => {
    const app = (id: string): App => APPS.find((a) => a.id === id) as App;

    it('hello-isolator: its task writes into what is bound to data/', async () => {
      const agent = isolator();
      const volumes = dockerVolumes(app('hello-isolator')).map((v) => ({ ...v, name: 'isolated', driver: w.driver }));
      const [source = ''] = await agent.prepare('c', volumes);
      const task = await startTask(app('hello-isolator').cmd.replace('data/', `${source}/`), join(source, 'hello'), w);
      await task.end();
      await agent.cleanup('c');
    });

    it('S3: hello-play at each of its starts: writes every 5 s beside data/, and loses nothing although overwritefs is sent again', async () => {
      const module = new DvdiModule(w.dvdcli);
      const env = { ...app('hello-play').env, DVDI_VOLUME_DRIVER: w.driver };
      const cmd = app('hello-play').cmd.replace(HELLO, w.hello);
      const times: number[] = [];
      for (const start of [1, 2]) {
        const [path] = await module.prepare('hello-play', env);
        expect(path).toBe(join(dirname(w.hello), 'data'));
        expect(existsSync(w.see(w.hello))).toBe(start === 2);
        if (start === 2) expect(statSync(w.see(w.hello)).mtimeMs).toBe(times.at(-1));
        const task = await startTask(cmd, w.hello, w);
        // Until it has written again, 5 s later.
        if (start === 1) await task.writes();
        await task.end();
        times.push(statSync(w.see(w.hello)).mtimeMs);
        expect(await module.cleanup('hello-play')).toEqual(['unmounted']);
      }
    });
  });

  it('SIGTERM in the middle of a mount leaves nothing mounted, whenever it comes', async () => {
    for (const ms of [40, ...(await moments('stopped'))]) {
      const r = await w.dvdcli.run(mountArgv(volume('stopped')), { kill: { signal: 'SIGTERM', when: wait(ms) } });
      // Once the path has been said the mount is the caller's, however the program ends.
      if (r.out !== '') expect((await w.dvdcli.run(unmountArgv(volume('stopped')))).status).toBe(0);
      else expect([1, 143, null]).toContain(r.status);
      expect(await w.mounted(), `after ${ms} ms: ${r.err}`).toEqual([]);
    }
  });
}

/** The command of an application in a shell, once it has written its file. Ended with all that it started. */
async function startTask(
  cmd: string,
  file: string,
  w: World,
): Promise<{ writes(): Promise<void>; end(): Promise<void> }> {
  const [program = '', ...args] = [...w.inside, '/bin/sh', '-c', cmd];
  const before = written(w.see(file));
  const child = spawn(program, args, { stdio: 'ignore', detached: true });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const writesAfter = async (since: number): Promise<void> => {
    for (let i = 0; i < 1200 && written(w.see(file)) === since; i++) await wait(50);
    expect(written(w.see(file))).toBeGreaterThan(since);
  };
  const end = async (): Promise<void> => {
    process.kill(-(child.pid ?? 0), 'SIGKILL');
    await ended;
  };
  try {
    await writesAfter(before);
  } catch (e) {
    await end();
    throw e;
  }
  return { writes: () => writesAfter(written(w.see(file))), end };
}

/** Milliseconds; 0 for a file that is not there. */
const written = (file: string): number => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
