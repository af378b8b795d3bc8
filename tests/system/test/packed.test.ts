import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cleanup, hasRuntime, type JsRuntime, RUNTIMES, WORKSPACE } from '@rexray/rig';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { PackedFolder, type Ran } from './packed-folder.ts';
import { CONFORMANCE, CORES, THIRD_PARTY, TYPES } from './packed-programs.ts';

vi.setConfig({ testTimeout: 90_000 });
const HERE = RUNTIMES[0] as JsRuntime;
const NOBODY = 65534;
/** Under CI a runtime that is not there is a failure, not a skip. */
const absent = (runtime: JsRuntime): boolean => process.env.CI !== 'true' && !hasRuntime(runtime);
const cleanup = new Cleanup();
let folder: PackedFolder;
let compiler = 'did not run';
beforeAll(async () => {
  folder = await PackedFolder.make(cleanup);
  await folder.installWithOwnCore('examples/03-write-a-driver');
  folder.write('types.ts', TYPES);
  folder.write('embed.ts', embedding());
  folder.copy('examples/04-write-a-layer/src', 'layer');
  folder.copy('examples/05-central-server/src', 'central');
  const central = ['main', 'server', 'agent'].map((f) => `central/${f}.ts`);
  compiler = await folder.compile('types.ts', 'embed.ts', 'layer/main.ts', ...central);
}, 300_000);
afterAll(() => cleanup.run(), 60_000);

describe('packed tarballs, installed by npm outside the workspace', () => {
  it('carry no reference to the workspace', () => {
    expect(folder.tarballs.length).toBeGreaterThanOrEqual(9);
    for (const name of ['core', 'runtime', 'driver-local-loop']) {
      const text = readFileSync(join(folder.path, 'node_modules/@rexray', name, 'package.json'), 'utf8');
      expect(text).not.toMatch(/workspace:|catalog:/);
    }
  });

  it('have one copy of each of our packages', async () => {
    const { stdout } = await execa('npm', ['ls', '@rexray/core', '--all', '--parseable'], {
      cwd: folder.path,
      reject: false,
    });
    const copies = new Set(stdout.split('\n').filter((l) => l.includes('@rexray/core') && !l.includes('cupboard')));
    expect(copies.size).toBe(1);
  });

  it('type-check for a strict consumer, and refuse what they should', () => {
    expect(compiler).toBe('');
  });

  for (const runtime of RUNTIMES) {
    describe.skipIf(absent(runtime))(`on ${runtime.name}`, () => {
      /** TypeScript as it stands where the runtime reads it, else what tsc made of it. */
      const program = (file: string): string => (runtime.unbuilt ? file : join('built', file.replace(/\.ts$/, '.js')));

      it('two copies of core understand each other', async () => {
        folder.write('cores.mjs', CORES);
        expect((await folder.run(runtime, 'cores.mjs')).said).toContain('cores: ok');
      });

      it('a driver of somebody else is found by value and by name', async () => {
        folder.write('third-party.mjs', THIRD_PARTY);
        const { said, left } = await folder.run(runtime, 'third-party.mjs');
        expect(said).toContain('third party: ok');
        expect(left).toEqual([]);
      });

      it('the twelve lines of README.md run, and leave no volume', async () => {
        expectEmbedding(await folder.run(runtime, program('embed.ts')));
      });

      it('examples/04-write-a-layer says what its policy says', async () => {
        const { said } = await folder.run(runtime, program('layer/main.ts'));
        expect(said).toContain('"stuff" does not say which team owns the volume. Begin its name with "web-" or "db-".');
        expect(said).toContain('created db-orders');
      });
    });
  }

  it('examples/05-central-server: agents use the storage of a server, and go only where they may be sent', async () => {
    const { said, left } = await folder.run(HERE, 'built/central/main.js');
    expect(said).toContain('one: the guests are one\n');
    expect(said).toContain('two: the guests are one two\n');
    expect(said).toContain('three: denied:');
    expect(said).toContain('rexray.allowRoots');
    expect(left).toEqual([]);
  });

  it('examples/03-write-a-driver passes the conformance suite without a test runner', async () => {
    folder.write('conformance.mjs', CONFORMANCE);
    expect((await folder.run(HERE, 'conformance.mjs')).said).toMatch(/conformance: [1-9]\d+ passed, 0 failed/);
  });

  it.skipIf(process.getuid?.() !== 0)('README.md runs as a user without any right', async () => {
    expectEmbedding(await folder.run(HERE, 'built/embed.js', { uid: NOBODY }));
  });
});

describe('unbuilt sources of the workspace', () => {
  for (const runtime of RUNTIMES.filter((r) => r.unbuilt)) {
    const run = (file: string): ReturnType<typeof runSource> => runSource(runtime, file);
    it.skipIf(absent(runtime))(`load on ${runtime.name}`, async () => {
      expect((await run('tests/system/test/packed-sources.ts')).stdout).toContain('sources: ok');
    });
    it.skipIf(absent(runtime))(`run the twelve lines of README.md on ${runtime.name}`, async () => {
      expect((await run('examples/01-embed/src/main.ts')).stdout).toMatch(/^\/.*scratch-/m);
    });
  }
});

async function runSource(runtime: JsRuntime, file: string): Promise<{ stdout: string }> {
  const home = cleanup.tempDir();
  const o = { cwd: home, env: { REXRAY_HOME: home }, timeout: 30_000, stdin: 'ignore' } as const;
  return execa(runtime.program, [...runtime.args(['@rexray/source']), join(WORKSPACE, file)], o);
}

/** It printed where the scratch volume was, and left neither it nor the job's volume, nor a mount. */
function expectEmbedding({ said, left, home }: Ran): void {
  expect(said).toMatch(/^\/.*scratch-/m);
  expect(left).toEqual([]);
  const there = readdirSync(join(home, 'ci-volumes'), { recursive: true }).map(String);
  expect(there.filter((f) => /scratch-|job-42|warm-cache/.test(f))).toEqual([]);
}

/** The first TypeScript block of README.md. */
function embedding(): string {
  const text = readFileSync(join(WORKSPACE, 'README.md'), 'utf8');
  const block = /```ts\n([\s\S]*?)```/.exec(text)?.[1] ?? '';
  expect(block.split('\n').filter((line) => line.trim() !== '').length).toBe(12);
  return block;
}
