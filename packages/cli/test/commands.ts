/** The commands, as one suite that is run in this process and through the daemon: the answers must be the same. */
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Mount, Plan, Snapshot, Volume } from '@rexray/core';
import { Cleanup } from '@rexray/rig';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Config, daemon, Home, type Ran, services } from './rig.ts';

export interface Kind {
  readonly driver: string;
  readonly size: string;
  readonly snapshots: boolean;
  /** The driver keeps sizes, and makes file systems. */
  readonly block: boolean;
}

const json = <T>(r: Ran): T => {
  expect(r.err).toBe('');
  expect(r.status).toBe(0);
  return JSON.parse(r.out) as T;
};

export function commandSuite(way: 'in-process' | 'daemon', kind: Kind): void {
  describe(`${kind.driver}, ${way}`, () => {
    const cleanup = new Cleanup();
    let home: Home;
    const rexray = (...argv: string[]): Promise<Ran> => home.rexray(...argv);
    beforeAll(async () => {
      const all: Record<string, Config> = {
        main: { driver: kind.driver },
        other: { driver: 'local-dir', 'local-dir': { volumePath: '../other' } },
      };
      home = new Home(cleanup, services(all, 'main'));
      if (way === 'daemon') await daemon(cleanup, home);
    });
    afterAll(() => cleanup.run());

    it('lists services, the default one marked', async () => {
      const pad = ' '.repeat(kind.driver.length - 'Driver'.length);
      expect((await rexray('service', 'ls')).out).toBe(
        `Name   Driver${pad}  Default\nmain   ${kind.driver}  yes\nother  local-dir\n`,
      );
      expect(json(await rexray('service', 'ls', '-f', 'json'))).toEqual([
        { service: 'main', driver: kind.driver, default: true },
        { service: 'other', driver: 'local-dir', default: false },
      ]);
    });

    it('creates, lists, inspects and removes; in a table, as JSON and as YAML', async () => {
      const made = await rexray('volume', 'create', 'data', '--size', kind.size, '-o', 'label.team=web', '--iops=150');
      expect(made.status).toBe(0);
      expect(made.out).toMatch(/^ID\s+Name\s+Status\s+Size\ndata@\S+\s+data\s+available\s+/);
      const [v] = json<Volume[]>(await rexray('volume', 'inspect', 'data', '--format', 'json'));
      expect(v).toMatchObject({ name: 'data', labels: { team: 'web' }, hints: { iops: 150 }, state: 'available' });
      expect((await rexray('volume', 'inspect', 'data')).out).toContain('labels:\n    team: web\n');
      expect(json<Volume[]>(await rexray('volume', 'get', 'data', '-f', 'json'))[0]?.id).toBe(v?.id);
      expect((await rexray('-q', 'volume', 'ls')).out).toMatch(/^data@\S+ {2}data {2}available/);
      expect((await rexray('volume', 'ls', '-f', 'yaml')).out).toContain('name: data\n');
      expect(await rexray('volume', 'rm', 'data')).toEqual({ status: 0, out: 'data\n', err: '' });
      expect(json(await rexray('volume', 'ls', '-f', 'json'))).toEqual([]);
    });

    it('mounts for the holder cli, shows who holds it, refuses to remove it, and gives it back', async () => {
      await rexray('volume', 'create', 'm', '--size', kind.size);
      const [m] = json<Mount[]>(await rexray('volume', 'mount', 'm', '-f', 'json'));
      if (m === undefined) throw new Error('no mount');
      writeFileSync(join(m.path, 'kept'), 'yes');
      expect(statSync(m.path).isDirectory()).toBe(true);
      expect(json(await rexray('holder', 'ls', '-f', 'json'))).toMatchObject([
        { holder: 'cli', volume: 'm', count: 1 },
      ]);
      expect((await rexray('volume', 'ls', '--path')).out).toContain(m.path);
      expect(json<Volume[]>(await rexray('volume', 'ls', '--attached', '-f', 'json'))).toHaveLength(1);
      expect(json<Volume[]>(await rexray('volume', 'ls', '--available', '-f', 'json'))).toHaveLength(0);
      const no = await rexray('volume', 'rm', 'm');
      expect(no.status).toBe(1);
      expect(no.err).toMatch(/^error: in_use: .*cli/);
      expect((await rexray('volume', 'umount', 'm')).status).toBe(0);
      expect(json(await rexray('holder', 'ls', '-f', 'json'))).toEqual([]);
      const again = json<Mount[]>(await rexray('volume', 'mount', 'm', '-f', 'json'));
      expect(existsSync(join(again[0]?.path ?? '', 'kept'))).toBe(true);
      expect(await rexray('holder', 'release', 'm', 'cli')).toEqual({ status: 0, out: 'm cli\n', err: '' });
      expect((await rexray('volume', 'rm', 'm')).status).toBe(0);
    });

    it('plans: what would be done, and nothing is', async () => {
      const [p] = json<Plan[]>(await rexray('volume', 'create', 'p', '--size', kind.size, '-n', '-f', 'json'));
      expect(p).toMatchObject({ op: 'create', volume: 'p', service: 'main', noop: false, forbidden: [] });
      expect(json(await rexray('volume', 'plan', 'create', 'p', '--size', kind.size, '-f', 'json'))).toEqual([p]);
      expect((await rexray('volume', 'plan', 'create', 'p')).out).toMatch(/^create "p" in service "main":\ncreate\s/);
      expect(json(await rexray('volume', 'ls', '-f', 'json'))).toEqual([]);
      const no = await rexray('volume', 'plan', 'mount', 'p');
      expect(no.status).toBe(3);
      expect(no.out).toContain('forbidden: not_found:');
    });

    it('attaches and detaches', async () => {
      await rexray('volume', 'create', 'a', '--size', kind.size);
      expect(json<Volume[]>(await rexray('volume', 'attach', 'a', '-f', 'json'))[0]?.state).toBe('attached');
      expect(json<Volume[]>(await rexray('volume', 'detach', 'a', '-f', 'json'))[0]?.state).toBe('available');
      await rexray('volume', 'rm', 'a');
    });

    if (kind.block)
      it('expands and clones', async () => {
        await rexray('volume', 'create', 'e', '--size', kind.size, '--fsType', 'ext4');
        await rexray('volume', 'mount', 'e');
        await rexray('volume', 'unmount', 'e');
        const grown = json<{ volume: Volume }>(await rexray('volume', 'expand', 'e', '--size', '96MiB', '-f', 'json'));
        expect(grown.volume.sizeBytes).toBe(96 * 2 ** 20);
        expect(json<Volume>(await rexray('volume', 'clone', 'e', 'e2', '-f', 'json'))).toMatchObject({
          name: 'e2',
          sizeBytes: 96 * 2 ** 20,
        });
        const wrong = await rexray('volume', 'mount', 'e2', '--fsType', 'xfs');
        expect(wrong.status).toBe(2);
        expect(wrong.err).toContain('has the file system ext4, not xfs');
        expect((await rexray('volume', 'rm', 'e', 'e2')).out).toBe('e\ne2\n');
      });

    if (kind.snapshots)
      it('takes, lists, restores and removes snapshots', async () => {
        await rexray('volume', 'create', 's', '--size', kind.size);
        expect(json<Snapshot>(await rexray('snapshot', 'create', 's', 'nightly', '-f', 'json'))).toMatchObject({
          name: 'nightly',
          volume: 's',
        });
        expect((await rexray('snapshot', 'ls')).out).toMatch(
          /^ID\s+Name\s+Status\s+VolumeID\n\S+\s+nightly\s+clean\s+s\n$/,
        );
        expect(json<Volume>(await rexray('snapshot', 'restore', 'nightly', 's2', '-f', 'json')).name).toBe('s2');
        expect((await rexray('snapshot', 'rm', 'nightly')).out).toBe('nightly\n');
        expect(json(await rexray('snapshot', 'ls', '-f', 'json'))).toEqual([]);
        await rexray('volume', 'rm', 's', 's2');
      });

    it('takes another service with -s', async () => {
      expect((await rexray('-s', 'other', 'volume', 'create', 'o')).status).toBe(0);
      const [o] = json<Volume[]>(await rexray('volume', 'ls', '-s', 'other', '-f', 'json'));
      expect(o).toMatchObject({ service: 'other', driver: 'local-dir' });
      expect(json(await rexray('volume', 'ls', '-f', 'json'))).toEqual([]);
      await rexray('volume', 'rm', 'o', '-s', 'other');
      const no = await rexray('volume', 'ls', '-s', 'nothing');
      expect(no.status).not.toBe(0);
      expect(no.err).toContain('nothing');
    });

    it('errors: code, hint and exit status; JSON for programs; the other names with --continueOnError', async () => {
      await rexray('volume', 'create', 'near', '--size', kind.size);
      const gone = await rexray('volume', 'inspect', 'nearr');
      expect(gone).toMatchObject({ status: 3, out: '' });
      expect(gone.err).toMatch(/^error: not_found: Volume "nearr" does not exist.*\.\nhint: Did you mean "near"\?\n$/);
      const asJson = await rexray('volume', 'inspect', 'nearr', '-f', 'json');
      expect(JSON.parse(asJson.err)).toMatchObject({
        error: { code: 'not_found', volume: 'nearr', service: 'main', details: { near: ['near'] } },
      });
      expect((await rexray('volume', 'rm', 'nearr')).status).toBe(3);
      expect((await rexray('volume', 'rm', 'nearr', '-i')).status).toBe(0);
      const stops = await rexray('volume', 'rm', 'nearr', 'near');
      expect(stops).toMatchObject({ status: 3, out: '' });
      const goesOn = await rexray('volume', 'rm', 'nearr', 'near', '--continueOnError');
      expect(goesOn).toMatchObject({ status: 3, out: 'near\n' });
      expect((await rexray('volume', 'create', 'x', '--size', 'lots')).status).toBe(2);
      expect((await rexray('volume', 'create', 'x', '-o', 'nosuch=1')).status).toBe(2);
      expect(json(await rexray('volume', 'ls', '-f', 'json'))).toEqual([]);
    });
  });
}
