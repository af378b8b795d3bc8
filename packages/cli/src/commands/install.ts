import { existsSync, lstatSync, mkdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { VolumeError } from '@rexray/core';
import { type Paths, placesOf } from '@rexray/runtime/config';
import type { GlobalFlags } from '../context.ts';
import { usage } from '../failure.ts';
import { type Column, print } from '../output.ts';
import type { Plain } from '../table/row.ts';
import { firstConfig } from './config-init.ts';
import { ran, systemdRuns, UNIT } from './systemd.ts';
import { selfSigned } from './tls-files.ts';
import { unitFile } from './unit-file.ts';

interface InstallFlags extends GlobalFlags {
  readonly root?: string;
  readonly noTls?: boolean;
  readonly dryRun?: boolean;
}

/** One thing that is done, or is so already. */
interface Step {
  readonly what: string;
  readonly path: string;
  readonly state: 'made' | 'kept' | 'removed' | 'absent' | 'failed';
  readonly why?: string;
}
const STEP: readonly Column<Step>[] = [
  { head: 'What', cell: (s) => s.what },
  { head: 'State', cell: (s) => s.state },
  { head: 'Path', cell: (s) => `${s.path}${s.why === undefined ? '' : ` (${s.why})`}`, gives: 1 },
];

interface Place {
  readonly root: string;
  readonly paths: Paths;
  readonly unit: string;
  readonly envFile: string;
  readonly wants: string;
}

function placeOf(p: Plain<InstallFlags>): Place {
  const root = p.flags.root ?? '/';
  if (!root.startsWith('/')) throw usage(`"${root}" is not an absolute directory.`, 'Write --root /path/of/the/image.');
  const paths = placesOf({ env: p.io.env as Record<string, string>, root: true });
  const systemd = join(root, 'etc/systemd/system');
  return {
    root,
    paths,
    unit: join(systemd, UNIT),
    envFile: join(paths.etc, 'rexray.env'),
    wants: join(systemd, 'multi-user.target.wants', UNIT),
  };
}

export async function install(p: Plain<InstallFlags>): Promise<number> {
  const place = placeOf(p);
  assertAllowed(p, place);
  const dry = p.flags.dryRun === true;
  const at = (path: string): string => join(place.root, path);
  const program = realpathSync(process.argv[1] ?? '');
  const steps: Step[] = [
    directory(at(place.paths.etc), 0o755, dry),
    file('configuration', at(join(place.paths.etc, 'rexray.yml')), firstConfig('local-loop'), 0o600, dry),
    file('environment', at(place.envFile), environment(p), 0o600, dry),
    directory(at(place.paths.lib), 0o755, dry),
    replaced('unit', place.unit, unitFile({ node: process.execPath, program, envFile: place.envFile }), dry),
    link(place.wants, `../${UNIT}`, dry),
    ...(p.flags.noTls === true ? [] : selfSigned(at(place.paths.tls), dry)),
  ];
  if (place.root === '/' && !dry && systemdRuns()) ran('systemctl', 'daemon-reload');
  await print(p.io, p.printing, steps, { rows: steps, columns: STEP });
  if (p.printing.format === 'table' && !p.printing.quiet) p.io.err(`hint: ${nextStep(place, dry)}\n`);
  return steps.some((s) => s.state === 'failed') ? 1 : 0;
}

const nextStep = (place: Place, dry: boolean): string =>
  dry
    ? 'Nothing was done. Leave --dryRun out to do it.'
    : `Look at ${join(place.paths.etc, 'rexray.yml')}, check it with "rexray config validate", then ${
        place.root !== '/' || !systemdRuns() ? 'boot the machine' : 'start it with "systemctl start rexray"'
      }.`;

/** What moves the places must be known to the unit too. */
function environment({ io }: Plain): string {
  const moved = Object.entries(io.env).filter(([k, v]) => /^REXRAY_HOME/.test(k) && v !== undefined && v !== '');
  return [
    '# Variables of the daemon, KEY=VALUE; REXRAY_HOME and its parts move its places.',
    ...moved.map(([k, v]) => `${k}=${v}`),
    '',
  ].join('\n');
}

function assertAllowed(p: Plain<InstallFlags>, place: Place): void {
  if (p.flags.dryRun === true || place.root !== '/' || process.geteuid?.() === 0) return;
  throw new VolumeError('denied', 'Only root may change the units and the configuration of this machine.', {
    details: { rule: 'permissions of /etc', found: `uid ${process.geteuid?.()}` },
    hint: 'Run it with sudo, or look at what it would do with --dryRun.',
  });
}

function directory(path: string, mode: number, dry: boolean): Step {
  if (existsSync(path)) return { what: 'directory', path, state: 'kept' };
  if (!dry) mkdirSync(path, { recursive: true, mode });
  return { what: 'directory', path, state: 'made' };
}

/** A file that a person may have changed: one that exists stays. */
function file(what: string, path: string, text: string, mode: number, dry: boolean): Step {
  if (existsSync(path)) return { what, path, state: 'kept' };
  if (!dry) writeFileSync(path, text, { mode, flag: 'wx' });
  return { what, path, state: 'made' };
}

/** The unit is this program's: it follows where Node and the program are. Changes of one's own belong into a drop-in. */
function replaced(what: string, path: string, text: string, dry: boolean): Step {
  if (!dry) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { mode: 0o644 });
  }
  return { what, path, state: 'made' };
}

function link(path: string, to: string, dry: boolean): Step {
  if (existsSync(path)) return { what: 'enabled', path, state: 'kept' };
  if (!dry) {
    mkdirSync(dirname(path), { recursive: true });
    rmSync(path, { force: true });
    symlinkSync(to, path);
  }
  return { what: 'enabled', path, state: 'made' };
}

/** Takes away what `install` made for the init system. Configuration, keys, state and volumes are the operator's. */
export async function uninstall(p: Plain<InstallFlags>): Promise<number> {
  const place = placeOf(p);
  assertAllowed(p, place);
  const dry = p.flags.dryRun === true;
  if (place.root === '/' && !dry && systemdRuns() && existsSync(place.unit)) {
    const r = ran('systemctl', 'stop', UNIT);
    if (r.status !== 0 && !/not loaded/.test(r.err))
      throw new VolumeError('unavailable', `systemctl stop ${UNIT} ended with ${r.status}: ${r.err.trim()}`, {
        details: { found: r.err.trim() },
        hint: `Nothing was removed. See "systemctl status ${UNIT}".`,
      });
  }
  const steps = [gone('enabled', place.wants, dry), gone('unit', place.unit, dry)];
  if (place.root === '/' && !dry && systemdRuns()) ran('systemctl', 'daemon-reload');
  await print(p.io, p.printing, steps, { rows: steps, columns: STEP });
  if (p.printing.format === 'table' && !p.printing.quiet)
    p.io.err(
      `hint: ${place.paths.etc}, ${place.paths.lib} and what is mounted stay as they are; "npm uninstall -g @rexray/cli" removes the program.\n`,
    );
  return 0;
}

function gone(what: string, path: string, dry: boolean): Step {
  // Also a link whose target is gone.
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return { what, path, state: 'absent' };
  if (!dry) rmSync(path, { force: true });
  return { what, path, state: 'removed' };
}
