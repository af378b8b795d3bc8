/** A flag for every key of the configuration, as REX-Ray made them: `--libstorageIntegrationVolumeOperationsMountPreempt`. */
import {
  DRIVER_ALIASES,
  KEYS,
  type KeySpec,
  keySpec,
  LEGACY_KEYS,
  legacyKey,
  OUR_DRIVERS,
  REXRAY_DRIVERS,
} from '@rexray/runtime/config';
import { usage } from '../failure.ts';
import type { KnownFlags } from './known.ts';

/** Names that do not follow from the key. */
const SPECIAL: Readonly<Record<string, string>> = { csinfsvolumes: 'rexray.csi.nfs.volumes' };

/** First level in lower case, each further one with a capital; dashes go. */
export const flagName = (key: string): string =>
  key
    .split(/[.-]/)
    .map((part, i) => (i === 0 ? part : `${part.charAt(0).toUpperCase()}${part.slice(1)}`))
    .join('');

const plain = (key: string): string => key.replace(/[.-]/g, '').toLowerCase();

export interface ConfigFlags {
  /** By key: over the environment and the files. */
  readonly set: Readonly<Record<string, string>>;
  /** What is left of the command line. */
  readonly rest: readonly string[];
}

/**
 * Takes the flags of keys out of a command line; in any case. A boolean stands alone or with `=true`; everything else has
 * its value behind it or after `=`. Settings of drivers work too: `--ebsRegion`, `--localLoopVolumePath`.
 */
export function configFlags(argv: readonly string[], known: KnownFlags): ConfigFlags {
  const set: Record<string, string> = {};
  const rest: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const arg = argv[i] ?? '';
    if (arg === '--') return { set, rest: [...rest, ...argv.slice(i)] };
    const m = /^--([A-Za-z-]+)(?:=(.*))?$/s.exec(arg);
    const key = m === null || known.has(`--${(m[1] ?? '').toLowerCase()}`) ? undefined : keyOf(m[1] ?? '');
    if (m === null || key === undefined) {
      rest.push(arg);
      continue;
    }
    if (m[2] !== undefined) set[key.key] = m[2];
    else if (key.type === 'bool') set[key.key] = 'true';
    else {
      const next = argv[i + 1];
      if (next === undefined || next.startsWith('--'))
        throw usage(`--${m[1]} needs a value.`, `Write --${m[1]}=VALUE; it is the key ${key.key}.`);
      set[key.key] = next;
      i += 1;
    }
  }
  return { set, rest };
}

function keyOf(name: string): Pick<KeySpec, 'key' | 'type'> | undefined {
  const wanted = plain(name);
  const fixed = KEYS.find((k) => !k.key.includes('<') && plain(k.key) === wanted);
  if (fixed !== undefined) return fixed;
  const old = Object.keys(LEGACY_KEYS).find((k) => plain(k) === wanted);
  const now = old === undefined ? undefined : legacyKey(old);
  if (now !== undefined && now !== '') return { key: now, type: keySpec(now)?.type ?? 'string' };
  if (SPECIAL[wanted] !== undefined) return { key: SPECIAL[wanted], type: 'list' };
  const section = sections().find((s) => wanted.startsWith(plain(s)) && wanted.length > plain(s).length);
  return section === undefined
    ? undefined
    : { key: `${section}.${wanted.slice(plain(section).length)}`, type: 'string' };
}

/** The longest first: `localloop…` is not a setting `loop…` of something else. */
const sections = (): readonly string[] =>
  [...new Set([...OUR_DRIVERS, ...REXRAY_DRIVERS, ...Object.keys(DRIVER_ALIASES)])].sort((a, b) => b.length - a.length);
