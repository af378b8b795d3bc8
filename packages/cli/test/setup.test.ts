/** Files that the program makes on a machine, and what shells make of its completion. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cleanup, suite } from '@rexray/rig';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { run } from '../src/index.ts';
import { Home, type Ran, services } from './rig.ts';

let cleanup: Cleanup;
let home: Home;
beforeEach(() => {
  cleanup = new Cleanup();
  home = new Home(cleanup, services({ dir: { driver: 'local-dir' } }));
});
afterEach(() => cleanup.run());

/** A command with an environment of its own. */
async function rexray(env: Record<string, string>, ...argv: string[]): Promise<Ran> {
  let [out, err] = ['', ''];
  const io = { env, tty: false, signal: new AbortController().signal };
  const status = await run(argv, {
    ...io,
    out: (t) => {
      out += t;
    },
    err: (t) => {
      err += t;
    },
  });
  return { status, out, err };
}

suite('install', { programs: { openssl: 'openssl' } }, () => {
  it('makes the unit, the first configuration and TLS files; keeps what is there; uninstall leaves what is a person’s', async () => {
    const root = cleanup.tempDir();
    const env = { PATH: process.env.PATH ?? '', HOME: home.dir, REXRAY_HOME_LIB: '/srv/rexray' };
    const at = (path: string): string => join(root, path);
    const dry = await rexray(env, 'install', '--root', root, '-n');
    expect(dry).toMatchObject({ status: 0, err: expect.stringContaining('Nothing was done') });
    expect(existsSync(at('etc'))).toBe(false);

    expect((await rexray(env, 'install', '--root', root)).status).toBe(0);
    const unit = readFileSync(at('etc/systemd/system/rexray.service'), 'utf8');
    expect(unit).toContain('EnvironmentFile=-/etc/rexray/rexray.env\n');
    expect(unit).toMatch(/^ExecStart=\S+ \S+ start$/m);
    expect(readFileSync(at('etc/systemd/system/multi-user.target.wants/rexray.service'), 'utf8')).toBe(unit);
    expect(readFileSync(at('etc/rexray/rexray.env'), 'utf8')).toContain('REXRAY_HOME_LIB=/srv/rexray\n');
    expect(parse(readFileSync(at('etc/rexray/rexray.yml'), 'utf8'))).toMatchObject({
      libstorage: { service: 'local-loop' },
    });
    expect(statSync(at('etc/rexray/tls/rexray.key')).mode & 0o777).toBe(0o600);
    const cert = execFileSync('openssl', ['x509', '-noout', '-text', '-in', at('etc/rexray/tls/rexray.crt')], {
      encoding: 'utf8',
    });
    expect(cert).toContain('IP Address:127.0.0.1');

    writeFileSync(at('etc/rexray/rexray.yml'), 'libstorage: {service: mine}\n');
    const again = await rexray(env, 'install', '--root', root, '-f', 'json');
    const states = JSON.parse(again.out) as { what: string; state: string }[];
    expect(states.filter((s) => s.state !== 'kept').map((s) => s.what)).toEqual(['unit']);
    expect(readFileSync(at('etc/rexray/rexray.yml'), 'utf8')).toContain('mine');

    expect((await rexray(env, 'uninstall', '--package', '--root', root)).status).toBe(0);
    expect(existsSync(at('etc/systemd/system/rexray.service'))).toBe(false);
    expect(existsSync(at('etc/rexray/tls/rexray.key'))).toBe(true);
    expect(JSON.parse((await rexray(env, 'uninstall', '--root', root, '-f', 'json')).out)).toMatchObject([
      { state: 'absent' },
      { state: 'absent' },
    ]);
  });

  it('without openssl everything else is made, and the missing package is named', async () => {
    const root = cleanup.tempDir();
    const path = process.env.PATH;
    try {
      process.env.PATH = '/nonexistent';
      const r = await rexray({ HOME: home.dir }, 'install', '--root', root);
      expect(r.status).toBe(1);
      expect(r.out).toContain('apt-get install openssl');
      expect(existsSync(join(root, 'etc/systemd/system/rexray.service'))).toBe(true);
    } finally {
      process.env.PATH = path;
    }
  });
});

describe('config', () => {
  it('init writes a file that is valid, once', async () => {
    const dir = cleanup.tempDir();
    const env = { HOME: dir, REXRAY_HOME: dir };
    const made = await rexray(env, 'config', 'init', '--driver', 'local-dir');
    expect(made).toEqual({ status: 0, out: `${dir}/etc/rexray.yml\n`, err: '' });
    const valid = await rexray(env, 'config', 'validate');
    expect(valid.out).toContain('service local-dir: driver local-dir, default\n');
    expect(valid.err).not.toContain('not known');
    const again = await rexray(env, 'config', 'init');
    expect(again.status).toBe(1);
    expect(again.err).toMatch(/^error: already_exists: .*rexray\.yml\.\nhint: /);
    expect((await rexray(env, 'config', 'init', '--stdout')).out).toContain('service: ');
  });

  it('explains a key: value, place, default, meaning, names', async () => {
    const key = 'libstorage.integration.volume.operations.create.default.size';
    home.configure({ ...services({ dir: { driver: 'local-dir' } }), docker: { size: '5' } });
    const r = await home.rexray('config', 'explain', key.toUpperCase());
    expect(r.err).toContain(`docker.size is a key of REX-Ray 0.3: write ${key}`);
    expect(r.out).toMatch(/^key: +libstorage.*\nvalue: +5\nfrom: +\/.*rexray\.yml:\d+\n/);
    expect(r.out).toContain('default:     16\n');
    expect(r.out).toContain('flag:        --libstorageIntegrationVolumeOperationsCreateDefaultSize\n');
    const flag = await home.rexray(
      'config',
      'explain',
      key,
      '--libstorageIntegrationVolumeOperationsCreateDefaultSize=7',
    );
    expect(flag.out).toMatch(/value: +7\nfrom: +command line\n/);
    expect((await home.rexray('config', 'explain', 'docker.size')).out).toContain(`write now:   ${key}\n`);
    expect((await home.rexray('config', 'explain', 'local-dir.volumePath')).out).toContain(
      'flag:        --localDirVolumePath\n',
    );
    const slip = await home.rexray('config', 'explain', 'rexray.logLevle');
    expect(slip).toMatchObject({ status: 3, err: expect.stringContaining('Did you mean rexray.logLevel?') });
  });

  it('env: KEY=value, sorted; a shell reads it', async () => {
    const { out } = await home.rexray('env');
    const lines = out.trimEnd().split('\n');
    expect(lines).toEqual([...lines].sort());
    expect(out).toContain('LIBSTORAGE_SERVICE=dir\n');
  });

  it('a driver that is not installed: one error with the package and the command', async () => {
    home.configure('libstorage: {service: scaleio}\n');
    const r = await home.rexray('volume', 'ls');
    expect(r.status).toBe(2);
    expect(r.err.match(/^error:/gm)).toHaveLength(1);
    expect(r.err).toMatch(
      /driver "scaleio" is not installed; found: .*\nhint: .*rexray-driver-scaleio: npm i .*rexray-driver-scaleio\n$/,
    );
  });
});

suite('completion', { programs: { bash: 'bash', zsh: 'zsh', fish: 'fish' } }, () => {
  /** `rexray` as shells call it for the names of volumes. */
  async function withScript(shell: string): Promise<{ file: string; path: string }> {
    const dir = cleanup.tempDir();
    const file = join(dir, 'completion');
    writeFileSync(file, (await rexray({}, 'completion', shell)).out);
    mkdirSync(join(dir, 'bin'));
    writeFileSync(join(dir, 'bin/rexray'), '#!/bin/sh\nprintf "data\\nweb\\n"\n', { mode: 0o755 });
    return { file, path: `${join(dir, 'bin')}:${process.env.PATH}` };
  }

  it('bash', async () => {
    const { file, path } = await withScript('bash');
    const complete = (...words: string[]): string[] =>
      execFileSync(
        'bash',
        [
          '--norc',
          '-c',
          `source ${file}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _rexray; printf '%s\\n' "\${COMPREPLY[@]}"`,
          'x',
          'rexray',
          ...words,
        ],
        { encoding: 'utf8', env: { PATH: path } },
      )
        .split('\n')
        .filter((w) => w !== '');
    expect(complete('vol')).toEqual(['volume']);
    expect(complete('volume', 'i')).toEqual(['inspect']);
    expect(complete('volume', 'mount', 'd')).toEqual(['data']);
    expect(complete('-s', 'loop', 'volume', 'create', '--si')).toEqual(['--size']);
    expect(complete('volume', '-f', 'json', 'ls', '--pa')).toEqual(['--path']);
    expect(complete('snapshot', 'r').sort()).toEqual(['restore', 'rm']);
  });

  it('zsh', async () => {
    const { file, path } = await withScript('zsh');
    const script = `autoload -U compinit; compinit -u -D; source ${file}; print -r -- $_comps[rexray]
      _describe() { print -rl -- \${(P)2} }
      complete() { words=(rexray "$@"); CURRENT=$#words; PREFIX=$words[-1]; _rexray }
      complete volume ''; complete volume mount ''; complete volume create --`;
    const out = execFileSync('zsh', ['-f', '-c', script], { encoding: 'utf8', env: { PATH: path, HOME: home.dir } });
    expect(out).toMatch(/^_rexray\n/);
    for (const word of ['inspect:everything about volumes', 'data', 'web', '--size:such as'])
      expect(
        out.split('\n').some((l) => l.startsWith(word)),
        word,
      ).toBe(true);
  });

  it('fish', async () => {
    const { file, path } = await withScript('fish');
    const complete = (line: string): string =>
      execFileSync('fish', ['--no-config', '-c', `source ${file}; complete -C '${line}'`], {
        encoding: 'utf8',
        env: { PATH: path, HOME: home.dir },
      });
    expect(complete('rexray vol')).toMatch(/^volume\tvolumes of a service\n/);
    expect(complete('rexray volume ins')).toMatch(/^inspect\t/);
    expect(complete('rexray volume mount d')).toMatch(/^data/);
    expect(complete('rexray -s x volume create --si')).toMatch(/^--size\t/);
  });

  it('another shell is refused by name', async () => {
    expect((await rexray({}, 'completion', 'tcsh')).err).toContain('hint: Write bash, zsh or fish.');
  });
});
