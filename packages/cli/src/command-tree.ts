import { Command } from 'commander';
import type { Io } from './io.ts';
import { type CommandRow, type FlagRow, GLOBAL_FLAGS, GROUPS, ROWS } from './table/index.ts';

type Act = (row: CommandRow, args: readonly unknown[]) => Promise<void>;

/** The parser: of the one command that is meant, or of all where it is not clear which (help, a slip). */
export async function commandTree(
  io: Io,
  row: CommandRow | undefined,
  argv: readonly string[],
  act: Act,
): Promise<Command> {
  const program = withFlags(new Command('rexray'), GLOBAL_FLAGS)
    .description('Persistent volumes for containers.')
    .helpOption('-?, --help', 'show help')
    .exitOverride()
    .configureOutput({
      writeOut: (t) => io.out(t),
      writeErr: (t) => io.err(t),
      outputError: () => {},
      getOutHelpWidth: () => io.width ?? 100,
      getErrHelpWidth: () => io.width ?? 100,
    })
    .showSuggestionAfterError(true);
  const groups = new Map<string, Command>();
  for (const r of row === undefined ? ROWS : [row]) add(program, groups, r, act);
  if (row === undefined && argv.some((a) => a === '-v' || a === '--verbose')) await addKeys(program);
  return program;
}

function add(program: Command, groups: Map<string, Command>, row: CommandRow, act: Act): void {
  const [first = '', second] = row.name.split(' ');
  const parent = second === undefined ? program : groupOf(program, groups, first);
  const usage = `${second ?? first}${row.args === undefined ? '' : ` ${row.args}`}`;
  withFlags(parent.command(usage, { hidden: row.hidden === true }), row.flags ?? [])
    .aliases([...(row.aliases ?? [])])
    .description(row.about)
    .helpOption('-?, --help', 'show help')
    .action((...args: unknown[]) => act(row, args));
}

function groupOf(program: Command, groups: Map<string, Command>, name: string): Command {
  const made = groups.get(name);
  if (made !== undefined) return made;
  const g = GROUPS.find((x) => x.name === name);
  const command = program
    .command(name, { hidden: g?.hidden === true })
    .aliases([...(g?.aliases ?? [])])
    .description(g?.about ?? '')
    .helpOption('-?, --help', 'show help');
  groups.set(name, command);
  return command;
}

function withFlags(command: Command, flags: readonly FlagRow[]): Command {
  for (const f of flags) {
    const option = command.createOption(f.flag, f.about);
    if (f.hidden === true) option.hideHelp();
    if (f.repeats === true) option.argParser((value: string, all: readonly string[] = []) => [...all, value]);
    command.addOption(option);
  }
  return command;
}

/** `--help -v`: every key of the configuration is a flag too. */
async function addKeys(program: Command): Promise<void> {
  const [{ KEYS }, { flagName }] = await Promise.all([
    import('@rexray/runtime/config'),
    import('./flags/config-flags.ts'),
  ]);
  const lines = KEYS.filter((k) => !k.key.includes('<')).map((k) => `  --${flagName(k.key)}\n      ${k.meaning}`);
  program.addHelpText('after', `\nKeys of the configuration, each a flag of every command:\n${lines.join('\n')}\n`);
}
