import { type Logger, silentLogger } from '@rexray/core';
import { Command, CommanderError } from 'commander';
import { normalized, plansAsDryRuns, withoutForeground } from './command-line.ts';
import { addCommands } from './commands/index.ts';
import type { Context, GlobalFlags } from './context.ts';
import { fail, usage } from './failure.ts';
import type { Io } from './io.ts';
import type { Format, Printing } from './output.ts';
import { cleaned, Redactor } from './redact.ts';
import { openSession } from './session.ts';

const FORMATS: readonly string[] = ['table', 'json', 'yaml'];

/** What the actions of commands are run with; an action answers the exit status. */
export interface Runner {
  readonly io: Io;
  /** An action over the service that is meant; the session is closed when it has ended. */
  over(act: (c: Context, ...args: never[]) => Promise<number>): (...args: unknown[]) => Promise<void>;
  /** An action that needs no service. */
  plain(
    act: (printing: Printing, flags: GlobalFlags, logger: Logger, ...args: never[]) => Promise<number>,
  ): (...args: unknown[]) => Promise<void>;
}

export async function runProgram(argv: readonly string[], io: Io): Promise<number> {
  let status = 0;
  const redactor = new Redactor();
  const runner = makeRunner(io, redactor, (s) => {
    status = s;
  });
  const program = root(io);
  addCommands(program, runner);
  const words = normalized(plansAsDryRuns(withoutForeground(argv)), program);
  try {
    await program.parseAsync(words, { from: 'user' });
    return status;
  } catch (e) {
    if (e instanceof CommanderError) return e.exitCode === 0 ? 0 : fail(misused(e), io, formatIn(words));
    return fail(cleaned(e, redactor), io, formatIn(words));
  }
}

function root(io: Io): Command {
  return new Command('rexray')
    .description('Persistent volumes for containers.')
    .helpOption('-?, --help', 'show help')
    .option('-c, --config <file>', 'configuration file, instead of those of the machine and the user')
    .option('-h, --host <address>', 'server to use: unix:///path or tcp://host:port')
    .option('-s, --service <name>', 'service to use')
    .option('-l, --logLevel <level>', 'panic, fatal, error, warn, info or debug')
    .option('-f, --format <format>', 'table, json or yaml', 'table')
    .option('-q, --quiet', 'no headings and no notes')
    .exitOverride()
    .configureOutput({ writeOut: (t) => io.out(t), writeErr: (t) => io.err(t), outputError: () => {} })
    .showSuggestionAfterError(true);
}

const misused = (e: CommanderError): Error => {
  if (e.code === 'commander.help') return usage('A command is missing.');
  const [first = '', ...rest] = e.message.replace(/^error: /, '').split('\n');
  const said = first.charAt(0).toUpperCase() + first.slice(1);
  const meant = rest.join(' ').replace(/^\(|\)$/g, '');
  return usage(/[.?!]$/.test(said) ? said : `${said}.`, meant === '' ? undefined : meant);
};

/** For errors that come before the flags are read. */
function formatIn(argv: readonly string[]): Format {
  const at = argv.findLastIndex((a) => a === '-f' || a === '--format' || /^(--format|-f)=/.test(a));
  const value = at < 0 ? undefined : (/=(.*)$/.exec(argv[at] ?? '')?.[1] ?? argv[at + 1]);
  return value === 'json' ? 'json' : 'table';
}

function printingOf(flags: GlobalFlags): Printing {
  const format = String(flags.format ?? 'table').toLowerCase();
  if (!FORMATS.includes(format)) throw usage(`"${format}" is not a format.`, `Formats: ${FORMATS.join(', ')}.`);
  return { format: format as Format, quiet: flags.quiet === true };
}

function makeRunner(io: Io, redactor: Redactor, settle: (status: number) => void): Runner {
  const begin = (
    args: readonly unknown[],
  ): { command: Command; flags: GlobalFlags; printing: Printing; given: unknown[] } => {
    const command = args.at(-1) as Command;
    const flags = command.optsWithGlobals<GlobalFlags>();
    // Arguments, then the flags of the command with the global ones.
    return { command, flags, printing: printingOf(flags), given: [...args.slice(0, -2), flags] };
  };
  return {
    io,
    over:
      (act) =>
      async (...args) => {
        const { flags, printing, given } = begin(args);
        const session = await openSession(flags, io, lines(io, flags, redactor), redactor);
        try {
          const integration = await session.integration();
          settle(await act({ io, printing, session, integration }, ...(given as never[])));
        } finally {
          await session.close();
        }
      },
    plain:
      (act) =>
      async (...args) => {
        const { flags, printing, given } = begin(args);
        settle(await act(printing, flags, lines(io, flags, redactor), ...(given as never[])));
      },
  };
}

/** Lines of a command that works in this process. The outcome of its verb is its answer, and not said twice. */
function lines(io: Io, flags: GlobalFlags, redactor: Redactor): Logger {
  const asked = flags.logLevel?.toLowerCase();
  if (flags.quiet && asked === undefined) return silentLogger;
  const all = asked === 'debug' ? 3 : asked === 'info' ? 2 : asked === undefined || asked === 'warn' ? 1 : 0;
  const line =
    (level: string, rank: number) =>
    (fields: object, message: string): void => {
      if (rank > all || ('op' in fields && 'outcome' in fields && asked === undefined)) return;
      const about = Object.entries(redactor.clean(fields) as object).map(
        ([k, v]) => `${k}=${typeof v === 'string' ? v : JSON.stringify(v)}`,
      );
      io.err(`${[`${level}:`, redactor.text(message), ...about].join(' ')}\n`);
    };
  return { debug: line('debug', 3), info: line('info', 2), warn: line('warning', 1), error: line('error', 0) };
}
