import type { CommandRow } from './row.ts';
import { flag } from './row.ts';

const KEYED = [
  flag('--key <key>', 'secret, key in PEM, or the path of a file with one; default: the configured one'),
  flag('--alg <algorithm>', 'HS, RS, PS or ES with 256, 384 or 512; default HS256'),
];

/** As REX-Ray has them. */
export const TOKEN_ROWS: readonly CommandRow[] = [
  {
    name: 'token new',
    args: '<subjects...>',
    aliases: ['create', 'c', 'n'],
    about: 'make a token for each subject',
    flags: [
      ...KEYED,
      flag('--exp <duration>', 'how long it is good, such as 24h; default 8760h'),
      flag('--nodes <nodes>', 'for an agent: the nodes for which it may ask, with commas; default: any'),
    ],
    plain: async () => (await import('../commands/token.ts')).make,
  },
  {
    name: 'token decode',
    args: '[tokens...]',
    aliases: ['dec', 'd'],
    about: 'what tokens say; from standard input where none is given',
    flags: [...KEYED, flag('--verify', 'refuse one that is not signed with the key, or has expired')],
    plain: async () => (await import('../commands/token.ts')).decode,
  },
];
