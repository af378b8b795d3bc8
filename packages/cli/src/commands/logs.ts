import { type ChildProcess, spawn } from 'node:child_process';
import { createReadStream, existsSync, readFileSync, statSync, unwatchFile, watchFile } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { VolumeError } from '@rexray/core';
import { placesOf } from '@rexray/runtime/config';
import type { GlobalFlags } from '../context.ts';
import { logPath } from '../daemon/log-file.ts';
import { LEVELS, levelOf, readable } from '../daemon/readable.ts';
import { usage } from '../failure.ts';
import type { Plain } from '../table/row.ts';
import { colours } from '../terminal/style.ts';
import { ran, systemdRuns, UNIT } from './systemd.ts';

interface LogFlags extends GlobalFlags {
  readonly follow?: boolean;
  readonly lines?: string;
  readonly level?: string;
}

/** The daemon's lines as they are with -f json, readable otherwise. */
export async function logs(p: Plain<LogFlags>, file?: string): Promise<number> {
  const lines = Number(p.flags.lines ?? 200);
  if (!Number.isInteger(lines) || lines < 0)
    throw usage(`"${p.flags.lines}" is not a number of lines.`, 'Write --lines 200.');
  const show = shower(p);
  if (file === '-') return each(process.stdin, show);
  const paths = placesOf({ env: p.io.env as Record<string, string>, root: process.geteuid?.() === 0 });
  const path = file ?? logPath(paths.log);
  if (file === undefined && !existsSync(path) && inJournal()) return journal(p, lines, show);
  if (!existsSync(path)) throw nowhere(path, file === undefined);
  return fromFile(p, path, lines, show);
}

function nowhere(path: string, own: boolean): VolumeError<'not_found'> {
  return new VolumeError(
    'not_found',
    `There is no log at ${path}${own ? `, and none of ${UNIT} in the journal` : ''}.`,
    {
      details: { what: 'log' },
      hint: own
        ? 'The daemon writes one when it runs in the background; where something else collects its output, look there, or pipe it: … | rexray logs -'
        : 'Name a file that exists.',
    },
  );
}

function shower(p: Plain<LogFlags>): (line: string) => void {
  const { level } = p.flags;
  const word = level?.toLowerCase() === 'warning' ? 'warn' : level?.toLowerCase();
  const least = word === undefined ? 0 : LEVELS.indexOf(word);
  if (least < 0) throw usage(`"${level}" is not a level.`, `Levels: ${LEVELS.join(', ')}.`);
  const c = colours(p.io, 'out');
  const asIs = p.printing.format === 'json';
  return (line) => {
    if (line === '' || (least > 0 && (levelOf(line) ?? least) < least)) return;
    p.io.out(`${asIs ? line : readable(line, c)}\n`);
  };
}

async function each(input: Readable, show: (line: string) => void): Promise<number> {
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) show(line);
  return 0;
}

const inJournal = (): boolean =>
  systemdRuns() && ran('journalctl', '--unit', UNIT, '--lines', '1', '--quiet', '--output', 'cat').out !== '';

async function journal(p: Plain<LogFlags>, lines: number, show: (line: string) => void): Promise<number> {
  const args = ['--unit', UNIT, '--output', 'cat', '--lines', String(lines), ...(p.flags.follow ? ['--follow'] : [])];
  const child: ChildProcess = spawn('journalctl', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  p.io.signal.addEventListener('abort', () => child.kill(), { once: true });
  if (child.stdout !== null) await each(child.stdout, show);
  return 0;
}

async function fromFile(
  p: Plain<LogFlags>,
  path: string,
  lines: number,
  show: (line: string) => void,
): Promise<number> {
  const text = readFileSync(path, 'utf8');
  const all = text.split('\n').filter((l) => l !== '');
  for (const line of lines === 0 ? [] : all.slice(-lines)) show(line);
  return p.flags.follow === true ? follow(p, path, Buffer.byteLength(text), show) : 0;
}

/** Until Ctrl-C; a file that was begun anew is read from its beginning. */
async function follow(p: Plain<LogFlags>, path: string, from: number, show: (line: string) => void): Promise<number> {
  let at = from;
  let reading: Promise<unknown> = Promise.resolve();
  const look = (): void => {
    reading = reading.then(async () => {
      const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
      if (size < at) at = 0;
      if (size === at) return;
      const stream = createReadStream(path, { start: at, end: size - 1 });
      at = size;
      await each(stream, show);
    });
  };
  watchFile(path, { interval: 200 }, look);
  look();
  await new Promise<void>((resolve) => {
    if (p.io.signal.aborted) resolve();
    p.io.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  unwatchFile(path, look);
  await reading;
  return 0;
}
