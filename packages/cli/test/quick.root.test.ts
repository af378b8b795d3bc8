import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { dirname } from 'node:path';
import { connect } from '@rexray/rest-client';
import { Cleanup, FROM_SOURCES, NODE24, suite } from '@rexray/rig';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Io } from '../src/io.ts';
import { endedEarly, runProgram } from '../src/program.ts';
import { quickListing } from '../src/quick/listing.ts';
import { run } from '../src/run.ts';
import { daemon, Home, MAIN, services } from './rig.ts';

interface Said {
  readonly status: unknown;
  readonly out: string;
  readonly err: string;
}
type Way = (argv: readonly string[], io: Io) => Promise<unknown>;

async function said(way: Way, home: Home, argv: readonly string[], more: Partial<Io> = {}): Promise<Said> {
  let [out, err] = ['', ''];
  const io: Io = {
    out: (t) => {
      out += t;
    },
    err: (t) => {
      err += t;
    },
    env: home.env,
    tty: false,
    signal: new AbortController().signal,
    ...more,
  };
  const status = await way(argv, io);
  return { status, out, err };
}

const VOLUME = { id: 'v@1', name: 'v', state: 'available', sizeBytes: 1024 ** 3, notes: [], labels: {} };
const SERVICE = { service: 'main', driver: 'local-dir', default: true, traits: {}, can: {} };

suite('a listing that takes the short way', { root: true }, () => {
  const cleanup = new Cleanup();
  let home: Home;
  afterAll(() => cleanup.run());
  beforeAll(async () => {
    home = new Home(cleanup, {
      ...services(
        { main: { driver: 'local-dir' }, other: { driver: 'local-dir', 'local-dir': { volumePath: '../o' } } },
        'main',
      ),
    });
    const client = (await daemon(cleanup, home)).client(cleanup);
    for (const name of ['gamma', 'alpha', 'a-name-that-is-rather-long-for-a-narrow-terminal', 'beta'])
      await (await client.integration()).create(name, { size: '1GiB' });
    await (await client.integration()).mount('beta', { holder: 'test' });
    cleanup.add(async () => void (await (await client.integration()).unmount('beta', { holder: 'test' })));
    await (await client.integration('other')).create('elsewhere', { size: '1GiB' });
  });

  /** A server that is none of ours, and that answers in ways in which ours does not. */
  async function faultServer(answer: RequestListener): Promise<{ home: Home; asked: string[]; server: Server }> {
    const there = new Home(cleanup, services({ main: { driver: 'local-dir' } }));
    mkdirSync(dirname(there.socket), { recursive: true });
    const asked: string[] = [];
    const server = createServer((q, r) => {
      asked.push(q.url ?? '');
      answer(q, r);
    });
    await new Promise<void>((resolve) => server.listen(there.socket, resolve));
    cleanup.add(() => {
      server.closeAllConnections();
      server.close();
    });
    return { home: there, asked, server };
  }
  const json = (r: Parameters<RequestListener>[1], x: unknown, status = 200): void =>
    void r.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(x));

  it.each([
    'volume ls',
    'v get',
    'volume list -q',
    '-f json volume ls',
    'volume ls --format jsonp',
    'volume ls --path',
    'volume ls --attached --path',
    'volume ls --available -f json',
    'volume ls -s other',
    '--service other volume ls --quiet --path',
  ])('%s: the same bytes both ways', async (line) => {
    const argv = line.split(' ');
    for (const more of [
      {},
      { tty: true, errTty: true, width: 40 },
      { tty: true, width: 200, env: { ...home.env, NO_COLOR: '1' } },
      { env: { ...home.env, REXRAY_SERVICE: 'other' } },
    ]) {
      const quick = await said(quickListing, home, argv, more);
      expect(quick.status).toBe(0);
      expect(quick).toEqual(await said(runProgram, home, argv, more));
    }
  });

  it.each([
    'volume ls alpha',
    'volume ls --volumeName alpha',
    'volume ls -f yaml',
    'volume ls -f {{.Name}}',
    'volume ls --format=json',
    'volume ls -s',
    'volume ls -f json -f table',
    'volume ls --help',
    'volume ls -l debug',
    'volume ls -s nowhere',
    '-c /nowhere volume ls',
    'volume ls -- alpha',
    'volume',
    'volume ls -fjson',
  ])('%s goes the ordinary way, and nothing was printed before', async (line) => {
    const argv = line.split(' ');
    expect(await said(quickListing, home, argv)).toEqual({ status: undefined, out: '', err: '' });
    expect(await said(run, home, argv)).toEqual(await said(runProgram, home, argv));
  });

  it('no daemon: done in this process', async () => {
    const alone = new Home(cleanup, services({ main: { driver: 'local-dir' } }));
    expect((await alone.rexray('volume', 'create', 'here', '--size', '1GiB')).status).toBe(0);
    expect((await said(quickListing, alone, ['volume', 'ls'])).status).toBeUndefined();
    const both = await said(run, alone, ['volume', 'ls']);
    expect([both.status, both.out]).toEqual([0, expect.stringContaining('here')]);
    expect(both).toEqual(await said(runProgram, alone, ['volume', 'ls']));
  });

  const problem = {
    type: 'x',
    title: 'x',
    status: 503,
    code: 'unavailable',
    detail: 'The storage is away.',
    details: {},
  };
  it.each<[string, RequestListener]>([
    ['an error', (_, r) => json(r, problem, 503)],
    [
      'half an answer',
      (_, r) => void r.writeHead(200, { 'content-length': '100' }).write('{"items":[', () => r.destroy()),
    ],
    ['no JSON', (_, r) => void r.writeHead(200, { 'content-type': 'application/json' }).end('<html>')],
    ['a page of a proxy', (_, r) => void r.writeHead(502, { 'content-type': 'text/html' }).end('<html>')],
    [
      'a late error',
      (_, r) =>
        void r
          .writeHead(200, { 'content-type': 'application/x-ndjson' })
          .end(`\n{"status":503,"problem":${JSON.stringify(problem)}}\n`),
    ],
  ])('a daemon that answers with %s: the same error both ways', async (_, answer) => {
    const only = async (refused: RegExp): Promise<void> => {
      const { home: there } = await faultServer((q, r) =>
        refused.test(q.url ?? '') ? answer(q, r) : json(r, { items: [SERVICE] }),
      );
      for (const argv of [
        ['volume', 'ls'],
        ['volume', 'ls', '-f', 'json'],
      ]) {
        const through = await said(run, there, argv);
        expect(through).toEqual(await said(runProgram, there, argv));
        expect([through.status, through.out]).toEqual([expect.any(Number), '']);
        expect(through.status).not.toBe(0);
      }
    };
    await only(/volumes/);
    if (_ !== 'a late error') await only(/services$/);
  });

  it('pages, chunks, and an answer in lines are read as the client reads them', async () => {
    const pages = [
      { items: [{ ...VOLUME, name: 'zeta' }], next: 'a b&c', partial: 'a node is away' },
      {
        items: [
          { ...VOLUME, name: 'über\u202e', id: '漢字' },
          { ...VOLUME, sizeBytes: 0 },
        ],
      },
    ];
    const { home: there, asked } = await faultServer((q, r) => {
      if (/services$/.test(q.url ?? ''))
        return json(r, { items: [{ ...SERVICE, default: false, service: 'x' }, SERVICE] });
      if (!/cursor/.test(q.url ?? '')) return json(r, pages[0]);
      r.writeHead(200, { 'content-type': 'application/x-ndjson' }).write('\n');
      setTimeout(() => r.end(`{"status":200,"result":${JSON.stringify(pages[1])}}\n`), 50);
    });
    for (const argv of [
      ['volume', 'ls'],
      ['volume', 'ls', '-f', 'json'],
    ]) {
      asked.length = 0;
      const quick = await said(quickListing, there, argv);
      const urls = asked.splice(0);
      expect(quick.status).toBe(0);
      expect(quick).toEqual(await said(runProgram, there, argv));
      expect(asked).toEqual(urls);
    }
  });

  it('a person who gives up, and a server that says nothing: the words of the client', async () => {
    const { home: there } = await faultServer((q, r) => {
      if (/services$/.test(q.url ?? '')) json(r, { items: [SERVICE] });
    });
    const givenUp = (way: Way): Promise<Said> => {
      const stop = new AbortController();
      setTimeout(() => stop.abort(), 300);
      return said(way, there, ['volume', 'ls'], { signal: stop.signal });
    };
    const quick = await givenUp(run);
    expect(quick.err).toContain('canceled');
    expect(quick).toEqual(await givenUp(runProgram));
    const target = '/api/v2/services/main/volumes?limit=1000';
    const early: Way = async (argv, io) => endedEarly({ why: 'silent', socketPath: there.socket, target }, argv, io);
    const client = connect({ socketPath: there.socket, silenceMs: 100 });
    cleanup.add(() => client.close());
    const integration = await client.integration();
    const error = await integration.list().catch((e: Error) => e.message);
    expect((await said(early, there, ['volume', 'ls'])).err).toContain(String(error).replace('100 ms', '30000 ms'));
  });

  it.each([
    ['volume', 'ls'],
    ['volume', 'ls', '-f', 'json'],
  ])('a pipe that was closed is no error: %s %s', (...argv) => {
    const r = spawnSync('bash', ['-c', '"$@" | true; exit $PIPESTATUS', 'x', NODE24, ...FROM_SOURCES, MAIN, ...argv], {
      env: home.env,
      encoding: 'utf8',
    });
    expect([r.status, r.stdout, r.stderr]).toEqual([0, '', '']);
  });
});
