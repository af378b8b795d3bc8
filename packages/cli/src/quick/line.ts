import type { VolumeChoice } from '../commands/volume-choice.ts';

/** `rexray volume ls`, as most write it. */
export interface QuickLine extends VolumeChoice {
  readonly service?: string;
  readonly format: 'table' | 'json' | 'jsonp';
  readonly quiet: boolean;
}

const GROUP = /^(volume|v)$/;
const VERB = /^(ls|l|list|get)$/;
const SWITCHES: Readonly<Record<string, 'quiet' | 'path' | 'attached' | 'available'>> = {
  '-q': 'quiet',
  '--quiet': 'quiet',
  '--path': 'path',
  '--attached': 'attached',
  '--available': 'available',
};
const VALUES: Readonly<Record<string, 'service' | 'format'>> = {
  '-s': 'service',
  '--service': 'service',
  '-f': 'format',
  '--format': 'format',
};

/**
 * What a line means that says nothing but to list volumes of this host's daemon; undefined for every other line, and for
 * whatever the parser might read in another way.
 */
export function quickLine(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): QuickLine | undefined {
  const words: string[] = [];
  const given: { -readonly [K in keyof QuickLine]?: QuickLine[K] } = {};
  for (let i = 0; i < argv.length; i++) {
    const arg = argv[i] ?? '';
    const [on, named] = [SWITCHES[arg], VALUES[arg]];
    if (on !== undefined) given[on] = true;
    else if (named !== undefined) {
      const value = argv[++i];
      if (value === undefined || value === '' || value.startsWith('-') || given[named] !== undefined) return undefined;
      if (named === 'service') given.service = value;
      else if (value === 'table' || value === 'json' || value === 'jsonp') given.format = value;
      else return undefined;
    } else words.push(arg);
  }
  // Flags that are not known here are words that are not.
  const [group = '', verb = '', ...more] = words;
  if (!GROUP.test(group) || !VERB.test(verb) || more.length > 0) return undefined;
  const service = given.service ?? (env.REXRAY_SERVICE || env.LIBSTORAGE_SERVICE || undefined);
  return { format: 'table', quiet: false, ...given, ...(service !== undefined && { service }) };
}
