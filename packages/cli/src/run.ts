import type { Io } from './io.ts';

/**
 * One command line, as a person types it after `rexray`.
 * @returns the exit status: 0, or that of the error's code (docs/errors in the table of core)
 */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  // Asked by every script and health check: it loads nothing else.
  if (argv[0] === 'version' && argv.length === 1) {
    const { versionText } = await import('./commands/version.ts');
    io.out(versionText());
    return 0;
  }
  // Asked by people and scripts all day long.
  const quick = argv.some((a) => a === 'volume' || a === 'v')
    ? await (await import('./quick/listing.ts')).quickListing(argv, io)
    : undefined;
  if (typeof quick === 'number') return quick;
  const { endedEarly, runProgram } = await import('./program.ts');
  return quick === undefined ? runProgram(argv, io) : endedEarly(quick, argv, io);
}
