/** The words after `npm run quickstart --`, read before anything is installed. */

export const USAGE = `npm run quickstart                under a directory of its own below the temporary one
npm run quickstart -- --system    at the system's own places (root: /var/lib/rexray; others: $HOME/.rexray)`;

/** @returns `{ system }`; ends the program for --help and for words that are not known */
export function readWords(argv) {
  if (argv.includes('--help') || argv.includes('-h')) {
    console.log(USAGE);
    process.exit(0);
  }
  const unknown = argv.filter((word) => word !== '--system');
  // `npm run quickstart --system` gives the word to npm, which keeps it; it tells us in the environment.
  const kept = process.env.npm_config_system === 'true' && !argv.includes('--system');
  if (unknown.length === 0 && !kept) return { system: argv.includes('--system') };
  console.error(
    kept ? 'npm kept --system for itself: write two dashes before it.' : `Not known here: ${unknown.join(' ')}`,
  );
  console.error(USAGE);
  process.exit(2);
}
