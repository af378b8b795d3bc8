import { VolumeError } from '@rexray/core';
import { type OptionPair, splitOptionString } from '@rexray/core/options';
import { milliseconds } from './duration.ts';

/** Commands over a volume driver, and whether each names a volume. */
export const VERBS = {
  create: { named: true, says: 'make a volume' },
  remove: { named: true, says: 'delete a volume and its data' },
  mount: { named: true, says: 'mount a volume, making it first where it does not exist; prints the path' },
  unmount: { named: true, says: 'give a mount back; success too where nothing is mounted' },
  path: { named: true, says: 'print where a volume is mounted, nothing where it is not' },
  get: { named: true, says: 'print the name of a volume that exists' },
  list: { named: false, says: 'print the names of the volumes' },
} as const;
export type Verb = keyof typeof VERBS;
/** Commands that need no volume driver. */
export const OTHERS = {
  version: 'print the version',
  help: 'print this help',
  completion: 'print a script for a shell: bash, zsh or fish',
} as const;

/** A command line, read. */
export interface Asked {
  readonly command: Verb | keyof typeof OTHERS | undefined;
  readonly driver: string;
  readonly name: string | undefined;
  readonly options: readonly OptionPair[];
  readonly explicit: boolean;
  readonly timeoutMs: number;
  readonly waitMs: number;
  readonly json: boolean;
  /** `-`: operations come from standard input. */
  readonly stdin: boolean;
  /** `completion SHELL` */
  readonly shell?: string;
}

/** Flags and what each takes; any case, before or after the command. */
export const FLAGS = {
  volumedriver: { takes: 'NAME', says: 'volume driver: a plugin, a module or a service (default rexray)' },
  volumename: { takes: 'NAME', says: 'name of the volume' },
  volumeopts: {
    takes: 'KEY=VALUE',
    says: 'option for a volume that is made; repeat it, or separate by commas; key="a,b" keeps a comma',
  },
  explicitcreate: { takes: undefined, says: 'mount: a volume that does not exist is an error' },
  timeout: { takes: 'TIME', says: 'longest time for an operation, such as 90s (default 110s: Mesos kills at 120s)' },
  wait: { takes: 'TIME', says: 'how long to wait for a driver that is not there yet (default 0)' },
  json: { takes: undefined, says: 'print one line of JSON for each operation' },
  help: { takes: undefined, says: 'print help' },
  version: { takes: undefined, says: 'print the version' },
} as const;
type Flag = keyof typeof FLAGS;

export const DEFAULT_DRIVER = 'rexray';
/** Below the 120 s at which Mesos kills without asking, so that there is time left to answer and to take back. */
const TIMEOUT_MS = 110_000;

export const usage = (message: string, hint = 'See "dvdcli --help".'): VolumeError<'invalid'> =>
  new VolumeError('invalid', message, { details: { path: 'command line' }, hint });

interface Reading {
  readonly words: string[];
  readonly flags: Map<Flag, string>;
  readonly options: OptionPair[];
}

/**
 * @param argv words after the program's name
 * @param given what stands on the command line around a line of standard input: its flags hold where the line says nothing
 * @throws VolumeError `invalid`
 */
export function readCommandLine(argv: readonly string[], given?: Asked): Asked {
  const r: Reading = { words: [], flags: new Map(), options: [] };
  const rest = [...argv];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--') r.words.push(...rest.splice(0));
    else if (word === '-h' || word === '-?') r.flags.set('help', 'true');
    else if (word.startsWith('-') && word !== '-') readFlag(word, rest, r);
    else r.words.push(word);
  }
  return asked(r, given);
}

function readFlag(word: string, rest: string[], r: Reading): void {
  const [, written = '', value] = /^--?([^=]*)(?:=(.*))?$/s.exec(word) ?? [];
  const name = written.toLowerCase();
  if (!Object.hasOwn(FLAGS, name))
    throw usage(
      `Unknown flag ${word.split('=')[0]}.`,
      `Flags: ${Object.keys(FLAGS)
        .map((f) => `--${f}`)
        .join(' ')}.`,
    );
  const flag = name as Flag;
  if (FLAGS[flag].takes === undefined) {
    r.flags.set(flag, String(truth(flag, value ?? 'true')));
    return;
  }
  const given = value ?? rest.shift();
  if (given === undefined) throw usage(`--${flag} needs a value.`, `Write --${flag}=${FLAGS[flag].takes}.`);
  if (flag === 'volumeopts') r.options.push(...splitOptionString(given));
  else r.flags.set(flag, given);
}

function truth(flag: string, value: string): boolean {
  if (/^(true|t|1|yes)$/i.test(value)) return true;
  if (/^(false|f|0|no)$/i.test(value)) return false;
  throw usage(`--${flag}=${value} is neither true nor false.`, `Write --${flag} or --${flag}=false.`);
}

function asked({ words, flags, options }: Reading, given: Asked | undefined): Asked {
  const stdin = given === undefined && words.includes('-');
  const operands = words.filter((w) => !(stdin && w === '-'));
  const help = flags.get('help') === 'true' ? 'help' : flags.get('version') === 'true' ? 'version' : undefined;
  const first = given?.command === undefined ? operands.shift() : undefined;
  const command = given?.command ?? help ?? commandOf(first);
  const shell = command === 'completion' ? operands.shift() : undefined;
  const name = flags.get('volumename') ?? operands.shift();
  if (operands.length > 0) throw usage(`Too many words: ${operands.join(' ')}.`);
  const bool = (flag: Flag, otherwise: boolean | undefined): boolean =>
    flags.has(flag) ? flags.get(flag) === 'true' : (otherwise ?? false);
  return {
    command,
    driver: flags.get('volumedriver') || given?.driver || DEFAULT_DRIVER,
    name: name ?? given?.name,
    options: [...(given?.options ?? []), ...options],
    explicit: bool('explicitcreate', given?.explicit),
    timeoutMs: time(flags, 'timeout') ?? given?.timeoutMs ?? TIMEOUT_MS,
    waitMs: time(flags, 'wait') ?? given?.waitMs ?? 0,
    json: given?.json ?? bool('json', false),
    stdin,
    ...(shell !== undefined && { shell }),
  };
}

function commandOf(word: string | undefined): Asked['command'] {
  if (word === undefined) return undefined;
  const command = word.toLowerCase();
  if (Object.hasOwn(VERBS, command) || Object.hasOwn(OTHERS, command)) return command as Asked['command'];
  throw usage(`Unknown command "${word}".`, `Commands: ${[...Object.keys(VERBS), ...Object.keys(OTHERS)].join(' ')}.`);
}

function time(flags: ReadonlyMap<Flag, string>, flag: Flag): number | undefined {
  const text = flags.get(flag);
  if (text === undefined) return undefined;
  const ms = milliseconds(text);
  if (ms === undefined || (flag === 'timeout' && ms === 0))
    throw usage(`--${flag}=${text} is not a time.`, `Write --${flag}=30s, 2m or 500ms; a bare number is seconds.`);
  return ms;
}
