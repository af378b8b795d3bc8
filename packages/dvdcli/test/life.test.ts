import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Cleanup } from '@rexray/rig';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bundleOn, Dvdcli, surroundings } from './program.ts';
import { Stranger, type StrangerOptions } from './stranger.ts';

let cleanup: Cleanup;
let around: ReturnType<typeof surroundings>;
let dvdcli: Dvdcli;
beforeEach(() => {
  cleanup = new Cleanup();
  around = surroundings(cleanup);
  mkdirSync(around.sockets);
  dvdcli = new Dvdcli(bundleOn(), around.env);
});
afterEach(() => cleanup.run());

async function stranger(o: Partial<StrangerOptions> = {}): Promise<Stranger> {
  const s = new Stranger({ root: join(around.dir, 'volumes'), ...o });
  await s.listen(join(around.sockets, 'theirs.sock'));
  cleanup.add(() => s.close());
  return s;
}
const D = '--volumedriver=theirs';
const volume = (name: string): string => join(around.dir, 'volumes', name, 'data');
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A plugin whose Mount can be seen to have begun, and takes a while. */
async function slowMount(ms: number): Promise<{ s: Stranger; begun: Promise<void> }> {
  let begin: () => void = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const s = await stranger({
    before: async (m) => {
      if (m !== 'VolumeDriver.Mount') return undefined;
      begin();
      await wait(ms);
      return undefined;
    },
  });
  return { s, begun };
}

describe('given up in the middle', () => {
  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    '%s during a mount: its answer is awaited, and the mount taken back',
    async (signal) => {
      const { s, begun } = await slowMount(300);
      const r = await dvdcli.run(['mount', D, '--volumename=a'], { kill: { signal, when: begun } });
      expect(r).toMatchObject({ status: 1, out: '' });
      expect(r.err).toContain('was taken back');
      expect(s.methods).toEqual(['Get', 'Create', 'Mount', 'Get', 'Unmount']);
      expect(s.volumes.get('a')?.mounts).toBe(0);
    },
  );

  it('a volume that others have mounted is not taken from them', async () => {
    const { s } = await slowMount(500);
    expect((await dvdcli.run(['mount', D, '--volumename=a'])).status).toBe(0);
    s.calls.length = 0;
    const begun = (async () => {
      while (!s.methods.includes('Mount')) await wait(10);
    })();
    const r = await dvdcli.run(['mount', D, '--volumename=a'], { kill: { signal: 'SIGTERM', when: begun } });
    expect(r).toMatchObject({ status: 1, out: '' });
    expect(r.err).toContain('stays mounted');
    expect(s.methods).toEqual(['Get', 'Mount']);
    expect(s.volumes.get('a')?.mounts).toBe(2);
  });

  it('asked twice it ends at once', async () => {
    const { begun } = await slowMount(10_000);
    const twice = begun.then(() => wait(50));
    const began = performance.now();
    const child = dvdcli.run(['mount', D, '--volumename=a'], {
      kill: { signal: 'SIGTERM', when: begun },
      again: { signal: 'SIGTERM', when: twice.then(() => wait(100)) },
    });
    expect((await child).status).toBe(143);
    expect(performance.now() - began).toBeLessThan(6_000);
  });

  it('a plugin that does not answer any more is waited for 5 s, and the error says that the outcome is unknown', async () => {
    const { begun } = await slowMount(20_000);
    const r = await dvdcli.run(['mount', D, '--volumename=a'], { kill: { signal: 'SIGTERM', when: begun } });
    expect(r.status).toBe(1);
    expect(r.err).toContain('unknown');
    expect(r.ms).toBeLessThan(12_000);
  });

  it('the caller dies before it has read the path: the mount is taken back', async () => {
    const { s, begun } = await slowMount(300);
    const { file, args } = bundleOn();
    const child = spawn(file, [...args, 'mount', D, '--volumename=a'], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: around.env,
    });
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    await begun;
    child.stdout.destroy();
    expect(await ended).toBe(1);
    expect(s.methods.at(-1)).toBe('Unmount');
    expect(s.volumes.get('a')?.mounts).toBe(0);
  });
});

describe('a driver that is not there', () => {
  it('fails at once and names what exists', async () => {
    await stranger();
    const r = await dvdcli.run(['mount', '--volumedriver=thiers', '--volumename=a']);
    expect(r).toMatchObject({ status: 3, out: '' });
    expect(r.err).toContain('There is no volume driver "thiers"');
    expect(r.err).toContain('Plugins: theirs');
    expect(r.ms).toBeLessThan(5_000);
  });

  it('--wait has the patience of the original', async () => {
    const asked = dvdcli.run(['list', D, '--wait=30s']);
    await wait(400);
    const s = await stranger();
    s.volumes.set('late', { opts: {}, mounts: 0 });
    expect(await asked).toMatchObject({ status: 0, out: 'late\n', err: '' });
  });

  it('--wait ends', async () => {
    const r = await dvdcli.run(['list', D, '--wait=300ms']);
    expect(r.status).toBe(3);
    expect(r.ms).toBeGreaterThan(300);
  });
});

describe('many operations from standard input', () => {
  it('what stands on the command line holds for every line; results come in order', async () => {
    const s = await stranger();
    const input = 'a\n\n# a comment\nb --volumeopts=size=9\n--volumename=c\n';
    const r = await dvdcli.run(['mount', D, '--volumeopts=iops=1', '-'], { input });
    expect(r).toMatchObject({ status: 0, err: '' });
    expect(r.out).toBe(['a', 'b', 'c'].map((n) => `${volume(n)}\n`).join(''));
    expect(s.volumes.get('b')?.opts).toEqual({ iops: '1', size: '9' });
    expect(s.calls.filter((c) => c.method === 'Plugin.Activate')).toHaveLength(1);
  });

  it('a line that fails is said with its number and does not end it; the status is that of the first', async () => {
    await stranger();
    const input = 'create v\nget nosuch\nmont v\nmount v\nunmount v';
    const r = await dvdcli.run([D, '-'], { input });
    expect(r.status).toBe(3);
    expect(r.out).toBe(`${volume('v')}\n`);
    expect(r.err).toContain('error: line 2: VolumeDriver.Get: no such volume: nosuch');
    expect(r.err).toContain('error: line 3: Unknown command "mont"');
  });

  it('--json answers each line by a line', async () => {
    await stranger();
    const r = await dvdcli.run([D, '--json', '-'], { input: 'mount v\nget x\nlist' });
    const lines = r.out
      .trim()
      .split('\n')
      .map((l) => JSON.parse(l) as Record<string, unknown>);
    expect(lines).toMatchObject([
      { line: 1, op: 'mount', driver: 'theirs', volume: 'v', path: volume('v') },
      { line: 2, op: 'get', volume: 'x', error: { code: 'not_found' } },
      { line: 3, op: 'list', volumes: [{ name: 'v', mountpoint: volume('v') }] },
    ]);
    expect(r).toMatchObject({ status: 3, err: '' });
  });

  it('is a companion: an answer comes before the next question', async () => {
    await stranger();
    const { file, args } = bundleOn();
    const child = spawn(file, [...args, 'mount', D, '-'], { stdio: ['pipe', 'pipe', 'ignore'], env: around.env });
    const next = (): Promise<string> =>
      new Promise((resolve) => child.stdout.once('data', (d: Buffer) => resolve(d.toString())));
    for (const name of ['a', 'b']) {
      child.stdin.write(`${name}\n`);
      expect(await next()).toBe(`${volume(name)}\n`);
    }
    child.stdin.end();
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(0);
  });

  it('SIGTERM ends it after the line that runs', async () => {
    const { s, begun } = await slowMount(300);
    const r = await dvdcli.run(['mount', D, '-'], { input: 'a\nb\nc\n', kill: { signal: 'SIGTERM', when: begun } });
    expect(r).toMatchObject({ status: 1, out: '' });
    expect([...s.volumes.keys()]).toEqual(['a']);
    expect(s.volumes.get('a')?.mounts).toBe(0);
  });
});

describe('what is said where', () => {
  it.each([
    [[], 2],
    [['mont'], 2],
    [['mount'], 2],
    [['mount', '--volumname=a'], 2],
    [['list', '--volumename=a'], 2],
    [['completion', 'csh'], 2],
    [['completion'], 2],
  ])('%j: wrong usage is status %d, said on standard error', async (args, status) => {
    const r = await dvdcli.run(args);
    expect(r).toMatchObject({ status, out: '' });
    expect(r.err).toMatch(/^error: /);
  });

  it.each([[['--help']], [['mount', '--help']], [['-h']], [['help']]])(
    '%j is help on standard output',
    async (args) => {
      const r = await dvdcli.run(args);
      expect(r).toMatchObject({ status: 0, err: '' });
      expect(r.out).toContain('--volumeopts=KEY=VALUE');
    },
  );

  it('version', async () => {
    expect((await dvdcli.run(['version'])).out).toMatch(/^Binary: .*dvdcli.*\nSemVer: \d+\.\d+\.\d+\nOsArch: Linux-/);
    expect((await dvdcli.run(['--version'])).status).toBe(0);
  });

  it('--json: one object, errors too', async () => {
    await stranger();
    expect(JSON.parse((await dvdcli.run(['mount', 'a', D, '--json'])).out)).toEqual({
      op: 'mount',
      driver: 'theirs',
      volume: 'a',
      path: volume('a'),
    });
    const r = await dvdcli.run(['get', 'b', D, '--JSON']);
    expect(r).toMatchObject({ status: 3, out: '' });
    expect(JSON.parse(r.err)).toMatchObject({ error: { code: 'not_found' } });
  });

  it.each(['bash', 'zsh', 'fish'])('the completion of %s is a script', async (shell) => {
    const r = await dvdcli.run(['completion', shell]);
    expect(r).toMatchObject({ status: 0, err: '' });
    for (const word of ['unmount', 'volumeopts']) expect(r.out).toContain(word);
  });

  it('the completion of bash completes commands, flags, and the volumes of the driver that is named', async () => {
    const s = await stranger();
    for (const name of ['data-1', 'data-2', 'other']) s.volumes.set(name, { opts: {}, mounts: 0 });
    const script = (await dvdcli.run(['completion', 'bash'])).out;
    const { file, args } = bundleOn();
    const ask = (line: string, ...words: string[]): string =>
      `COMP_LINE='${line}'; COMP_WORDS=(dvdcli ${words.join(' ')}); COMP_CWORD=${words.length}; _dvdcli 2>/dev/null; echo "\${COMPREPLY[@]}"`;
    const lines = [
      `dvdcli() { ${[file, ...args].join(' ')} "$@"; }`,
      ask('dvdcli mo', 'mo'),
      ask('dvdcli mount --volumen', 'mount', '--volumen'),
      // As bash splits it.
      ask('dvdcli mount --volumedriver=theirs da', 'mount', '--volumedriver', '=', 'theirs', 'da'),
      ask(
        'dvdcli mount --volumedriver=theirs --volumename=',
        'mount',
        '--volumedriver',
        '=',
        'theirs',
        '--volumename',
        '=',
      ),
    ];
    const child = spawn('bash', ['-c', `${script}\n${lines.join('\n')}`], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { PATH: process.env.PATH, ...around.env },
    });
    let out = '';
    child.stdout.on('data', (d: Buffer) => {
      out += d.toString();
    });
    await new Promise((resolve) => child.once('close', resolve));
    expect(out).toBe('mount\n--volumename=\ndata-1 data-2\ndata-1 data-2 other\n');
  });
});
