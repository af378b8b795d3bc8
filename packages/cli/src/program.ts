import { broken, canceled, SILENCE_MS, silence, WENT_AWAY } from '@rexray/rest-client';
import type { Command, CommanderError } from 'commander';
import { normalized, plansAsDryRuns, withoutForeground } from './command-line.ts';
import { commandTree } from './command-tree.ts';
import type { GlobalFlags } from './context.ts';
import { fail, usage } from './failure.ts';
import { type KnownFlags, knownFlags, rowIn, wordsOf } from './flags/known.ts';
import type { Io } from './io.ts';
import { commandLogger } from './logger.ts';
import { FORMATS, type Format, type Printing } from './output.ts';
import type { EndedEarly } from './quick/early.ts';
import { cleaned, Redactor } from './redact.ts';
import { openSession } from './session.ts';
import { type CommandRow, GLOBAL_FLAGS, GROUPS, ROWS } from './table/index.ts';
import type { OverAction, PlainAction } from './table/row.ts';
import { ProgressLine } from './terminal/progress.ts';

/** One command line, from its words to its exit status. */
export async function runProgram(argv: readonly string[], io: Io): Promise<number> {
  const redactor = new Redactor();
  let words: readonly string[] = argv;
  try {
    const known = knownFlags([...GLOBAL_FLAGS, ...ROWS.flatMap((r) => r.flags ?? [])]);
    const line = await prepared(argv, known);
    words = line.argv;
    return await parsed(line, io, redactor);
  } catch (e) {
    const printing = { format: formatIn(words) };
    if (isCommanderError(e)) return e.exitCode === 0 ? 0 : fail(misused(e), io, printing);
    return fail(cleaned(e, redactor), io, printing);
  }
}

/** The error of a listing that did not come this way: what the client would have said. @returns the exit status */
export function endedEarly(e: EndedEarly, argv: readonly string[], io: Io): number {
  const error =
    e.why === 'canceled'
      ? canceled(WENT_AWAY, true)
      : broken(`unix://${e.socketPath}`, silence(SILENCE_MS), { method: 'GET', target: e.target });
  return fail(error, io, { format: formatIn(argv) });
}

interface Line {
  readonly argv: readonly string[];
  /** Keys of the configuration that were given as flags. */
  readonly set: Readonly<Record<string, string>>;
  readonly row: CommandRow | undefined;
}

async function prepared(argv: readonly string[], known: KnownFlags): Promise<Line> {
  const asked = plansAsDryRuns(withoutForeground(argv, wordsOf(argv, known)));
  const { set, rest } = await withoutConfigFlags(asked, known);
  return { argv: normalized(rest, known), set, row: rowIn(wordsOf(rest, known), ROWS, GROUPS) };
}

/** The table of keys is loaded only where there is a flag that no command has. */
async function withoutConfigFlags(
  argv: readonly string[],
  known: KnownFlags,
): Promise<{ set: Readonly<Record<string, string>>; rest: readonly string[] }> {
  const end = argv.indexOf('--');
  const strange = (end < 0 ? argv : argv.slice(0, end)).some(
    (a) => a.startsWith('--') && !known.has((a.split('=')[0] ?? '').toLowerCase()),
  );
  if (!strange) return { set: {}, rest: argv };
  const { configFlags } = await import('./flags/config-flags.ts');
  return configFlags(argv, known);
}

async function parsed(line: Line, io: Io, redactor: Redactor): Promise<number> {
  let status = 0;
  const program = await commandTree(io, line.row, line.argv, async (row, args) => {
    const command = args.at(-1) as Command;
    const flags: GlobalFlags = { ...command.optsWithGlobals<GlobalFlags>(), set: line.set };
    // Arguments, then the flags of the command with the global ones.
    const given = [...args.slice(0, -2), flags];
    status = await acted(row, { io, flags, redactor, printing: printingOf(flags) }, given);
  });
  await program.parseAsync([...line.argv], { from: 'user' });
  return status;
}

interface Doing {
  readonly io: Io;
  readonly flags: GlobalFlags;
  readonly redactor: Redactor;
  readonly printing: Printing;
}

async function acted(row: CommandRow, d: Doing, given: readonly unknown[]): Promise<number> {
  const logger = commandLogger(d.io, d.flags, d.redactor);
  if (row.plain !== undefined) {
    const act: PlainAction = await row.plain();
    return act({ ...d, logger } as never, ...(given as never[]));
  }
  if (row.over === undefined) throw new Error(`the command ${row.name} has no action`);
  const [act, session] = await Promise.all<[Promise<OverAction>, ReturnType<typeof openSession>]>([
    row.over(),
    openSession(d.flags, d.io, logger, d.redactor),
  ]);
  const progress = new ProgressLine(d.io);
  try {
    const integration = await session.integration();
    return await act({ ...d, io: progress.apart, session, integration, progress }, ...(given as never[]));
  } finally {
    progress.end();
    await session.close();
  }
}

const isCommanderError = (e: unknown): e is CommanderError =>
  typeof e === 'object' && e !== null && String((e as { code?: unknown }).code).startsWith('commander.');

const misused = (e: CommanderError): Error => {
  if (e.code === 'commander.help') return usage('A command is missing.');
  // A flag that is not known may still have been given a secret: its value is not repeated.
  const message = e.message.replace(/'(--?[\w-]+)=[^\n]*'/, "'$1'");
  const [first = '', ...rest] = message.replace(/^error: /, '').split('\n');
  const said = first.charAt(0).toUpperCase() + first.slice(1);
  const meant = rest.join(' ').replace(/^\(|\)$/g, '');
  return usage(/[.?!]$/.test(said) ? said : `${said}.`, meant === '' ? undefined : meant);
};

/** For errors that come before the flags are read. */
function formatIn(argv: readonly string[]): Format {
  const at = argv.findLastIndex((a) => a === '-f' || a === '--format' || /^(--format|-f)=/.test(a));
  const value = at < 0 ? undefined : (/=(.*)$/.exec(argv[at] ?? '')?.[1] ?? argv[at + 1]);
  return value === 'json' || value === 'jsonp' ? value : 'table';
}

function printingOf(flags: GlobalFlags): Printing {
  const written = flags.format ?? 'table';
  const quiet = flags.quiet === true;
  // REX-Ray takes any other word for a template too; a slip such as `jsn` would then be printed as it is.
  if (written.includes('{{')) return { format: 'tmpl', quiet, template: written };
  const format = written.toLowerCase() as Format;
  if (!FORMATS.includes(format))
    throw usage(`"${written}" is not a format.`, `Formats: ${FORMATS.join(', ')}, or a template such as {{.Name}}.`);
  if (format === 'tmpl' || (format === 'table' && flags.template !== undefined))
    return flags.template === undefined
      ? { format: 'table', quiet }
      : { format: 'tmpl', quiet, template: flags.template };
  return { format, quiet };
}
