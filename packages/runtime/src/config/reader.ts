/** Reads keys from all sources in their order, through the scopes; every answer knows where it came from. */
import { dirname, resolve } from 'node:path';
import { type Env, fromEnv } from './environment.ts';
import { expand } from './expand.ts';
import { HIDDEN, invalid, type Place } from './invalid.ts';
import { type Key, type KeyOf, type KeySpec, keySpec } from './keys.ts';
import { at, isSet, type Node, pathOf } from './tree.ts';
import { EXPECTED, type KeyType, type KeyTypes, read } from './values.ts';

/** From where a key is seen: a service's or a module's own settings come before the general ones. */
export interface At {
  readonly service?: string | undefined;
  readonly module?: string | undefined;
}
export type Source = 'override' | 'flag' | 'env' | 'file' | 'default' | 'unset';
export interface Found {
  readonly value: unknown;
  readonly source: Source;
  readonly place: Place;
  /** The scope it was found in (`libstorage.server.services.ebs`); absent at the root. */
  readonly scope?: string;
}
/** An answer to "where does this come from", for people: secrets are hidden. */
export interface Explained {
  readonly key: string;
  readonly value: unknown;
  readonly source: Source;
  /** `/etc/rexray/rexray.yml:12`, `environment LIBSTORAGE_SERVICE`, `default` … */
  readonly where: string;
  readonly file?: string;
  readonly line?: number;
  readonly scope?: string;
  readonly meaning?: string;
}
export interface Sources {
  readonly overrides: Node;
  readonly flags: Node;
  readonly env: Env;
  readonly files: Node;
  readonly cwd: string;
  /** Scopes of the program itself, before `rexray`: `rexray.cli`. */
  readonly program?: string | undefined;
}

export class ConfigReader {
  readonly sources: Sources;

  constructor(sources: Sources) {
    this.sources = sources;
  }

  /**
   * The raw value of a key. Order: override, flag, the scopes that a name selects (module, service; only files have them),
   * environment, the general scopes from the inside out, default.
   */
  find(key: string, where: At = {}): Found | undefined {
    const { overrides, flags, env, files } = this.sources;
    const over = this.#in(overrides, '', key, 'override') ?? this.#in(flags, '', key, 'flag');
    if (over !== undefined) return over;
    const named = firstOf(
      this.#named(where, key).map(
        ([scope, k]) =>
          () =>
            this.#in(files, scope, k, 'file'),
      ),
    );
    if (named !== undefined) return named;
    const hit = fromEnv(env, key);
    if (hit !== undefined) return { ...hit, source: 'env' };
    return firstOf(this.#general(where).map((scope) => () => this.#in(files, scope, key, 'file')));
  }

  /** A key as its type; the default where it is not set; undefined where it has none. @throws VolumeError `invalid` */
  get<T extends KeyType>(type: T, key: KeyOf<T> & Key, where: At = {}): KeyTypes[T] | undefined {
    return this.typed(type, key, keySpec(key), where);
  }

  typed<T extends KeyType>(type: T, key: string, spec: KeySpec | undefined, where: At): KeyTypes[T] | undefined {
    const found = this.find(key, where);
    if (found === undefined) return spec?.default === undefined ? undefined : read(type, spec.default, { key });
    const blame = { key, place: found.place, ...(spec?.secret === true && { secret: true }) };
    const value = read(type, found.value, blame);
    return type === 'path' || type === 'paths'
      ? (this.#path(value as string | readonly string[], key, found) as KeyTypes[T])
      : value;
  }

  /** Set by somebody, not by default. */
  written(key: Key, where: At = {}): boolean {
    return this.find(key, where) !== undefined;
  }

  explain(key: string, where: At = {}): Explained {
    const spec = keySpec(key);
    const found = this.find(key, where);
    const name = spec === undefined || spec.key.includes('<') ? key : spec.key;
    const about = spec === undefined ? {} : { meaning: spec.meaning };
    if (found === undefined) {
      const source = spec?.default === undefined ? 'unset' : 'default';
      return { key: name, value: spec?.default, source, where: source, ...about };
    }
    const { file, line, where: place } = found.place;
    return {
      key: name,
      value: spec?.secret === true ? HIDDEN : found.value,
      source: found.source,
      where: place,
      ...(file !== undefined && { file }),
      ...(line !== undefined && { line }),
      ...(found.scope !== undefined && { scope: found.scope }),
      ...about,
    };
  }

  /** `$VAR` in files only; relative to the file that says it, else to the working directory. */
  #path(value: string | readonly string[], key: string, found: Found): string | readonly string[] {
    const one = (text: string): string => {
      const full = expands(found) ? expand(text, this.sources.env, { key, place: found.place }) : text;
      return resolve(found.place.file === undefined ? this.sources.cwd : dirname(found.place.file), full);
    };
    return typeof value === 'string' ? one(value) : value.map(one);
  }

  #named({ service, module }: At, key: string): [scope: string, key: string][] {
    const scopes = [
      ...(module === undefined ? [] : [`rexray.modules.${module}`]),
      ...(service === undefined ? [] : [`libstorage.server.services.${service}`]),
    ];
    // REX-Ray's documentation leaves `libstorage.` out inside a service: both forms are read.
    const short = key.replace(/^libstorage\./i, '');
    return scopes.flatMap((s): [string, string][] =>
      short === key
        ? [[s, key]]
        : [
            [s, key],
            [s, short],
          ],
    );
  }

  #general({ service }: At): string[] {
    const { program } = this.sources;
    return [
      ...(service === undefined ? [] : ['libstorage.server']),
      'libstorage.client',
      ...(program === undefined ? [] : [program]),
      'rexray',
      '',
    ];
  }

  #in(tree: Node, scope: string, key: string, source: Source): Found | undefined {
    const node = at(tree, [...scopePath(scope), ...pathOf(key)]);
    if (isSet(node)) return { value: node.leaf.value, source, place: node.leaf.place, ...(scope !== '' && { scope }) };
    const spec = node === undefined || node.children.size === 0 ? undefined : keySpec(key);
    // `libstorage.tls` is a word or a section.
    if (spec === undefined || spec.effect !== undefined || spec.section === true) return undefined;
    throw invalid({ key, expected: EXPECTED[spec.type], why: `is a section here, but must be ${EXPECTED[spec.type]}` });
  }
}

/** `libstorage.server.services.my.name`: the name may have dots. */
function scopePath(scope: string): string[] {
  const m = /^(rexray\.modules|libstorage\.server\.services)\.(.+)$/.exec(scope);
  return m?.[1] === undefined ? pathOf(scope) : [...pathOf(m[1]), m[2] ?? ''];
}

/** `$VAR` is for operator files alone (S23): not for code, flags or the environment, which a shell has expanded already. */
export const expands = (found: Found): boolean =>
  found.source === 'file' && found.place.file !== undefined && found.place.literal !== true;

function firstOf<T>(tries: readonly (() => T | undefined)[]): T | undefined {
  for (const one of tries) {
    const hit = one();
    if (hit !== undefined) return hit;
  }
  return undefined;
}
