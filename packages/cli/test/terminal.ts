/** A command on a terminal of its own, and one whose reader goes away. */
import { spawn } from 'node:child_process';
import { FROM_SOURCES, NODE24 } from '@rexray/rig';
import { type Home, MAIN } from './rig.ts';

export const PTY = { script: 'bsdutils' } as const;

const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;
const command = (argv: readonly string[]): readonly string[] => [NODE24, ...FROM_SOURCES, MAIN, ...argv];

interface OnTerminal {
  readonly status: number | null;
  /** Everything that the terminal got: both streams, with escapes; line ends as in a file. */
  readonly text: string;
}

/** Runs a command below `script` of bsdutils: its streams are a terminal of that many columns. */
export async function onTerminal(
  home: Home,
  columns: number,
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<OnTerminal> {
  const line = `stty cols ${columns} rows 50; exec ${command(argv).map(quoted).join(' ')}`;
  const child = spawn('script', ['-q', '-e', '-c', line, '/dev/null'], {
    env: { ...home.env, SHELL: '/bin/sh', TERM: 'xterm-256color', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: '/',
  });
  let text = '';
  child.stdout.on('data', (d: Buffer) => {
    text += d.toString();
  });
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { status, text: text.replaceAll('\r\n', '\n') };
}

/** A reader that closes its end at once, as `| head -0` does. */
export async function intoClosedPipe(
  home: Home,
  argv: readonly string[],
): Promise<{ status: number | null; err: string }> {
  const [program = '', ...args] = command(argv);
  const child = spawn(program, args, { env: { ...home.env }, stdio: ['ignore', 'pipe', 'pipe'], cwd: '/' });
  child.stdout.destroy();
  let err = '';
  child.stderr.on('data', (d: Buffer) => {
    err += d.toString();
  });
  return { status: await new Promise((resolve) => child.once('close', resolve)), err };
}

/** Without colour and cursor movements. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: escapes are what it is about.
export const bare = (text: string): string => text.replace(/\u001b\[[0-9;]*[A-Za-z]/g, '');
