import { KEYS } from '@rexray/runtime/config';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fitting } from '../src/commands/matching.ts';
import { unitFile } from '../src/commands/unit-file.ts';
import { configFlags, flagName } from '../src/flags/config-flags.ts';
import { knownFlags, rowIn, wordsOf } from '../src/flags/known.ts';
import { GLOBAL_FLAGS, GROUPS, ROWS } from '../src/table/index.ts';

const known = knownFlags([...GLOBAL_FLAGS, ...ROWS.flatMap((r) => r.flags ?? [])]);
const meant = (...argv: string[]): string | undefined => rowIn(wordsOf(argv, known), ROWS, GROUPS)?.name;

describe('a flag for every key', () => {
  const keys = KEYS.filter((k) => !k.key.includes('<'));

  it('is called as REX-Ray calls it', () => {
    expect(flagName('libstorage.integration.volume.operations.mount.preempt')).toBe(
      'libstorageIntegrationVolumeOperationsMountPreempt',
    );
    const names = keys.map((k) => flagName(k.key).toLowerCase());
    expect(new Set(names).size).toBe(names.length);
  });

  it('in any case, with = or without', () => {
    const anyCase = fc
      .tuple(fc.constantFrom(...keys), fc.array(fc.boolean(), { minLength: 80, maxLength: 80 }))
      .map(([k, ups]) => {
        const name = [...flagName(k.key)].map((c, i) => (ups[i] === true ? c.toUpperCase() : c.toLowerCase())).join('');
        return [k, name] as const;
      });
    fc.assert(
      fc.property(anyCase, fc.boolean(), ([k, name], equals) => {
        // `--logLevel` is a flag of its own.
        if (known.has(`--${name.toLowerCase()}`)) return;
        const argv = equals ? [`--${name}=v`] : k.type === 'bool' ? [`--${name}`] : [`--${name}`, 'v'];
        const expected = !equals && k.type === 'bool' ? 'true' : 'v';
        expect(configFlags(['volume', ...argv, 'ls'], known)).toEqual({
          set: { [k.key]: expected },
          rest: ['volume', 'ls'],
        });
      }),
      { numRuns: 300 },
    );
  });

  it('also of drivers, of 0.3, and never after --', () => {
    const set = (...argv: string[]) => configFlags(argv, known).set;
    expect(set('--ebsAccessKey', 'x', '--localLoopVolumePath=/v')).toEqual({
      'ebs.accesskey': 'x',
      'local-loop.volumepath': '/v',
    });
    expect(set('--rexrayVolumeMountPreempt')).toEqual({
      'libstorage.integration.volume.operations.mount.preempt': 'true',
    });
    expect(set('--', '--ebsRegion', 'x')).toEqual({});
    expect(configFlags(['--nosuch', 'x'], known)).toEqual({ set: {}, rest: ['--nosuch', 'x'] });
    expect(() => set('--libstorageService')).toThrow('needs a value');
  });
});

describe('the table of commands', () => {
  it('finds a command by its words and aliases, wherever the flags stand', () => {
    expect(meant('volume', 'ls')).toBe('volume ls');
    expect(meant('-s', 'ls', '-q', 'v', '--format', 'json', 'get', 'x')).toBe('volume ls');
    expect(meant('-l', 'debug', 'start')).toBe('start');
    expect(meant('service', 'force-reload')).toBe('service restart');
    expect(meant('snapshot', 'del', 'x')).toBe('snapshot rm');
    expect(meant('adapter', 'instances')).toBe('adapter instances');
    expect(meant('volume')).toBeUndefined();
    expect(meant('volume', 'crate')).toBeUndefined();
  });

  it('has no word twice, and an action for each', () => {
    const words = ROWS.flatMap((r) => {
      const [group, name] = r.name.includes(' ') ? r.name.split(' ') : ['', r.name];
      return [name, ...(r.aliases ?? [])].map((w) => `${group} ${w}`);
    });
    expect(words.filter((w, i) => words.indexOf(w) !== i)).toEqual([]);
    for (const r of ROWS) expect((r.over === undefined) !== (r.plain === undefined), r.name).toBe(true);
  });
});

describe('which volumes a word means', () => {
  const all = ['data', 'Data', 'database', 'web-1', 'web-2'].map((name, i) => ({ id: `vol-${i}${i}`, name }));
  const names = (word: string, prefixes = true) => fitting(all, word, prefixes).map((v) => v.name);
  it('the surest fit wins; the beginning of a name only where it may', () => {
    expect(names('data')).toEqual(['data']);
    expect(names('DATA')).toEqual(['data', 'Data']);
    expect(names('VOL-22')).toEqual(['database']);
    expect(names('datab')).toEqual(['database']);
    expect(names('web')).toEqual(['web-1', 'web-2']);
    expect(names('web', false)).toEqual([]);
    expect(names('vol-33', false)).toEqual(['web-1']);
    expect(names('/^web/', false)).toEqual(['web-1', 'web-2']);
    expect(names('/^WEB-1$/')).toEqual(['web-1']);
    expect(() => names('/[/')).toThrow('not a regular expression');
  });
});

describe('the systemd unit', () => {
  const unit = unitFile({
    node: '/opt/my node/bin/node',
    program: '/usr/lib/rexray.cjs',
    envFile: '/etc/rexray/rexray.env',
  });
  /** `Section.Key` → values. */
  const parsed = new Map<string, string[]>();
  let section = '';
  for (const line of unit.split('\n').filter((l) => l.trim() !== '' && !/^[#;]/.test(l))) {
    const head = /^\[(\w+)\]$/.exec(line)?.[1];
    if (head !== undefined) {
      section = head;
      continue;
    }
    const m = /^([A-Za-z]+)=(.*)$/.exec(line);
    if (m === null) throw new Error(`"${line}" is no line of a unit`);
    const key = `${section}.${m[1]}`;
    parsed.set(key, [...(parsed.get(key) ?? []), m[2] ?? '']);
  }

  it('has no directive that gives the service a mount namespace of its own (systemd.exec(5))', () => {
    const own =
      /^(Private(Tmp|Devices|Mounts|Users|Network|IPC|PIDs)|Protect\w+|(ReadWrite|ReadOnly|Inaccessible|Exec|NoExec)Paths|(Bind|BindReadOnly)Paths|MountFlags|MountImages|ExtensionImages|ExtensionDirectories|RootDirectory|RootImage\w*|RootVerity|RootHash|TemporaryFileSystem|DynamicUser|NetworkNamespacePath|IPCNamespacePath|MountAPIVFS|BindLogSockets|(State|Cache|Logs|Runtime|Configuration)Directory|LoadCredential\w*|SetCredential\w*|ProcSubset|Sandbox\w*)$/;
    for (const key of parsed.keys()) expect(key.split('.')[1], key).not.toMatch(own);
  });

  it('lets what looks after claims outlive the daemon, waits for it to be ready, reloads by SIGHUP', () => {
    const of = (key: string) => parsed.get(`Service.${key}`)?.[0];
    expect(of('KillMode')).toBe('process');
    expect(of('Type')).toBe('notify');
    expect(of('NotifyAccess')).toBe('all');
    expect(of('ExecStart')).toBe('"/opt/my node/bin/node" /usr/lib/rexray.cjs start');
    expect(of('ExecReload')).toBe('/bin/kill -HUP $MAINPID');
    expect(Number(of('TimeoutStopSec'))).toBeGreaterThan(45);
    expect(parsed.get('Unit.Before')).toEqual(['docker.service podman.service']);
  });
});
