import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Cleanup, EXT4, suite, XFS } from '@rexray/rig';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const MAIN = join(ROOT, 'scripts/quickstart/main.mjs');
/** The quick start runs what was built, as a stranger does. */
const BUILT = existsSync(join(ROOT, 'packages/runtime/dist/index.js'));

interface Ended {
  readonly status: number | null;
  readonly text: string;
}

let cleanup: Cleanup;
let tmp: string;
beforeEach(() => {
  cleanup = new Cleanup();
  tmp = cleanup.tempDir('rexray-qs-');
});
afterEach(() => cleanup.run());

/** Starts it with a temporary directory of this test; `reached` resolves at the first output that has the words. */
function start(args: readonly string[] = [], o: { env?: NodeJS.ProcessEnv; through?: readonly string[] } = {}) {
  const [file = '', ...rest] = [...(o.through ?? []), process.execPath, MAIN, ...args];
  const env = { ...process.env, NODE_OPTIONS: '', TMPDIR: tmp, ...o.env };
  const child: ChildProcess = spawn(file, rest, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  const waiting: (() => void)[] = [];
  const hear = (d: Buffer): void => {
    text += d.toString();
    for (const look of waiting) look();
  };
  child.stdout?.on('data', hear);
  child.stderr?.on('data', hear);
  const ended = new Promise<Ended>((resolve) => child.on('close', (status) => resolve({ status, text })));
  cleanup.add(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const reached = (words: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => (text.includes(words) ? resolve() : undefined);
      waiting.push(look);
      look();
      ended.then(() => reject(new Error(`it ended before "${words}":\n${text}`)));
    });
  return { child, ended, reached };
}

/** Loop devices, mounts and directories of quick starts below this test's directory. */
function left(): readonly string[] {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  const loops = execFileSync('losetup', ['--list', '--noheadings', '--output', 'NAME,BACK-FILE'], { encoding: 'utf8' });
  return [...mounts, ...loops.split('\n')].filter((line) => line.includes(tmp)).concat(readdirSync(tmp));
}

const needs = { root: true, loop: true, programs: { ...EXT4, ...XFS, setpriv: 'util-linux' } };

describe.skipIf(!BUILT)(`the quick start${BUILT ? '' : ' [skipped: needs a build (npm run build)]'}`, () => {
  suite('on loop devices', needs, () => {
    it('ends with "quickstart: ok" and leaves nothing', async () => {
      const { status, text } = await start().ended;
      expect(text).toMatch(/\nquickstart: ok\n$/);
      expect(text).toContain('xfs at ');
      expect(status).toBe(0);
      expect(left()).toEqual([]);
    });

    it.each(['mount, copy a file', 'mount again'])(
      'interrupted after "%s", gives back what it made and says so',
      async (words) => {
        const run = start();
        await run.reached(words);
        run.child.kill('SIGINT');
        const { status, text } = await run.ended;
        expect(text).toContain('quickstart: interrupted (SIGINT); nothing of it is left');
        expect(status).toBe(130);
        expect(left()).toEqual([]);
      },
    );

    it('killed with volumes mounted, is cleaned up by the next run', async () => {
      const killed = start();
      await killed.reached('snapshot, while it is mounted');
      killed.child.kill('SIGKILL');
      await killed.ended;
      expect(left().some((line) => line.includes('nginx-data'))).toBe(true);
      const { status, text } = await start().ended;
      expect(text).toContain('an earlier quick start was killed');
      expect(text).toMatch(/\nquickstart: ok\n$/);
      expect(status).toBe(0);
      expect(left()).toEqual([]);
    });

    it('with --system, touches no volume that it did not make', async () => {
      const home = cleanup.tempDir('rexray-qs-home-');
      const other = join(home, 'var/lib/local-loop/nginx-data');
      const system = { env: { REXRAY_HOME: home } };
      expect((await start(['--system'], system).ended).text).toMatch(/\nquickstart: ok\n$/);
      mkdirSync(other);
      writeFileSync(join(other, 'image'), 'somebody’s data');
      const { status, text } = await start(['--system'], system).ended;
      expect(text).toContain('volume nginx-data exist already and are not of this quick start');
      expect(status).toBe(1);
      expect(readFileSync(join(other, 'image'), 'utf8')).toBe('somebody’s data');
    });
  });

  suite('where nothing may be mounted', { root: true, programs: { setpriv: 'util-linux' } }, () => {
    it('uses directories and says why', async () => {
      const through = ['setpriv', '--bounding-set=-sys_admin', '--inh-caps=-sys_admin'];
      const { status, text } = await start([], { through }).ended;
      expect(text).toContain('root without CAP_SYS_ADMIN');
      expect(text).toMatch(/\nquickstart: ok\n$/);
      expect(status).toBe(0);
      expect(left()).toEqual([]);
    });
  });

  it('refuses words that it does not know', async () => {
    const { status, text } = await start(['--sytem']).ended;
    expect(text).toContain('Not known here: --sytem');
    expect(status).toBe(2);
  });
});
