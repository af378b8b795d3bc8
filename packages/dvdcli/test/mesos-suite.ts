/** The call sequences of both Mesos callers, over whatever volume driver a world has. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Cleanup } from '@rexray/rig';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DvdiModule, PROHIBITED } from './dvdi-module.ts';
import { type DockerVolume, DockerVolumeIsolator, mountArgv, unmountArgv } from './mesos-isolator.ts';
import type { Dvdcli } from './program.ts';

/** A machine with dvdcli and one volume driver, `unmount.ignoreUsedCount` on. */
export interface World {
  readonly driver: string;
  readonly dvdcli: Dvdcli;
  readonly dir: string;
  /** Names of volumes that are mounted now. */
  mounted(): Promise<readonly string[]> | readonly string[];
  /** Where the seed's `/var/lib/rexray/volumes/NAME/hello` is told apart from the path that dvdcli prints. */
  hello(name: string): string;
  /** Options that a volume is made with; what a driver understands. */
  readonly options: Readonly<Record<string, string>>;
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export function mesosSuite(make: (cleanup: Cleanup) => Promise<World>): void {
  let cleanup: Cleanup;
  let w: World;
  beforeEach(async () => {
    cleanup = new Cleanup();
    w = await make(cleanup);
  });
  afterEach(async () => {
    const left = await w.mounted();
    await cleanup.run();
    expect(left, 'still mounted at the end').toEqual([]);
  });
  const volume = (name: string): DockerVolume => ({ driver: w.driver, name, options: w.options });
  const isolator = (killAfterMs?: number): DockerVolumeIsolator =>
    new DockerVolumeIsolator(w.dvdcli, join(w.dir, 'checkpoints'), killAfterMs);

  describe('the docker/volume isolator of Mesos', () => {
    it('containers that share a volume: a mount for each, one unmount at the end, and nothing stays', async () => {
      const agent = isolator();
      const [a] = await agent.prepare('c1', [volume('shared')]);
      const [b] = await agent.prepare('c2', [volume('shared')]);
      const [c] = await agent.prepare('c3', [volume('shared')]);
      expect([b, c]).toEqual([a, a]);
      writeFileSync(join(a ?? '', 'data'), 'kept');
      await agent.cleanup('c1');
      await agent.cleanup('c3');
      expect(await w.mounted()).toEqual(['shared']);
      expect(readFileSync(join(a ?? '', 'data'), 'utf8')).toBe('kept');
      await agent.cleanup('c2');
      expect(await w.mounted()).toEqual([]);
      const [again] = await agent.prepare('c4', [volume('shared')]);
      expect(readFileSync(join(again ?? '', 'data'), 'utf8')).toBe('kept');
      await agent.cleanup('c4');
    });

    it('volumes of one container are mounted in parallel', async () => {
      const agent = isolator();
      const names = ['p1', 'p2', 'p3', 'p4'];
      const paths = await agent.prepare('c', names.map(volume));
      expect(new Set(paths).size).toBe(4);
      for (const p of paths) writeFileSync(join(p, 'x'), p);
      expect([...(await w.mounted())].sort()).toEqual(names);
      await agent.cleanup('c');
    });

    it('an agent that dies between checkpoint and mount: the next one unmounts what never mounted, and succeeds', async () => {
      const first = isolator();
      first.crash();
      await expect(first.prepare('orphan', [volume('never'), volume('neither')])).rejects.toThrow('dead');
      const second = isolator();
      await second.recover([]);
      expect(existsSync(join(w.dir, 'checkpoints/orphan'))).toBe(false);
      expect(await w.mounted()).toEqual([]);
    });

    it('an agent that dies with containers: what still runs keeps its volumes, orphans lose theirs', async () => {
      const first = isolator();
      const [kept] = await first.prepare('runs', [volume('kept')]);
      await first.prepare('ended', [volume('lost'), volume('kept')]);
      writeFileSync(join(kept ?? '', 'data'), 'x');
      first.crash();
      const second = isolator();
      await second.recover(['runs']);
      expect(await w.mounted()).toEqual(['kept']);
      expect(readFileSync(join(kept ?? '', 'data'), 'utf8')).toBe('x');
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
      await w.dvdcli.run(mountArgv(volume('killed')));
      await w.dvdcli.run(unmountArgv(volume('killed')));
      for (const ms of [60, 150, 300, 500, 800]) {
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
      for (const p of paths) expect(existsSync(p)).toBe(true);
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
      expect((await w.dvdcli.run(['list', `--volumedriver=${w.driver}`])).out).toBe('there\n');
    });

    it('every prohibited character is refused before dvdcli is called', async () => {
      const module = new DvdiModule(w.dvdcli);
      for (const c of PROHIBITED)
        await expect(module.prepare('t', { DVDI_VOLUME_NAME: `a${c}b` })).rejects.toThrow('prohibited');
      await expect(module.prepare('t', { DVDI_VOLUME_NAME10: 'a' })).rejects.toThrow('not known');
    });

    it("S3: hello-play, the seed's task, at each of its starts: writes beside data/, and loses nothing although overwritefs is sent again", async () => {
      const module = new DvdiModule(w.dvdcli);
      const opts = Object.entries(w.options)
        .map(([k, v]) => `${k}=${v}`)
        .join(',');
      const env = { DVDI_VOLUME_NAME: 'test12345', DVDI_VOLUME_DRIVER: w.driver, DVDI_VOLUME_OPTS: opts };
      const hello = w.hello('test12345');
      for (const start of [1, 2]) {
        const [path] = await module.prepare('hello-play', env);
        expect(dirname(path ?? '')).toBe(dirname(hello));
        expect(existsSync(hello)).toBe(start === 2);
        const task = spawn('/bin/sh', ['-c', `while [ true ] ; do touch ${hello} ; sleep 5 ; done`], {
          stdio: 'ignore',
          detached: true,
        });
        try {
          for (let i = 0; i < 100 && !existsSync(hello); i++) await wait(20);
          expect(existsSync(hello)).toBe(true);
        } finally {
          process.kill(-(task.pid ?? 0), 'SIGKILL');
          await new Promise((resolve) => task.once('exit', resolve));
        }
        expect(await module.cleanup('hello-play')).toEqual(['unmounted']);
      }
    });
  });

  it('SIGTERM in the middle of a mount leaves nothing mounted, whenever it comes', async () => {
    for (const ms of [40, 120, 300, 600]) {
      const r = await w.dvdcli.run(mountArgv(volume('stopped')), { kill: { signal: 'SIGTERM', when: wait(ms) } });
      // Once the path has been said the mount is the caller's, however the program ends.
      if (r.out !== '') expect((await w.dvdcli.run(unmountArgv(volume('stopped')))).status).toBe(0);
      else expect([1, 143, null]).toContain(r.status);
      expect(await w.mounted(), `after ${ms} ms: ${r.err}`).toEqual([]);
    }
  });
}
