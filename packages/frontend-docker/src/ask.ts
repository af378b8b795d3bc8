import { assertName, VolumeError } from '@rexray/core';

/** What an engine asks, as far as any call reads it. */
export interface Ask {
  /** A valid name of a volume; empty only for calls that name none. */
  readonly name: string;
  readonly opts: Readonly<Record<string, string>>;
  readonly holder: string;
}

/** On the wire an id that is `dvdcli`, empty or absent is dvdcli's; any other is an engine's. */
const DVDCLI = 'dvdcli';
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/**
 * Reads a body; the Content-Type is not looked at, since Docker sends none.
 *
 * An engine whose connection breaks after it has sent a request repeats it with an *empty* body: what names no volume is
 * refused, or the engine would believe in a volume that nobody made.
 * @throws VolumeError `invalid`
 */
export function readAsk(body: Uint8Array, o: { readonly named: boolean }): Ask {
  const fields = body.length === 0 ? {} : parsed(body);
  const id = text(fields, 'ID') ?? '';
  const name = text(fields, 'Name');
  if (o.named) {
    if (name === undefined)
      throw refused('Name', body.length === 0 ? 'the body is empty' : 'it has no Name', 'the name of a volume');
    assertName(name);
  }
  return { name: o.named ? (name ?? '') : '', opts: options(fields), holder: holderOf(id) };
}

function parsed(body: Uint8Array): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(body));
  } catch {
    throw refused('body', 'the body is not JSON', 'a JSON object');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw refused('body', 'the body is not a JSON object', 'a JSON object');
  return value as Record<string, unknown>;
}

const own = (fields: Readonly<Record<string, unknown>>, key: string): unknown =>
  Object.hasOwn(fields, key) ? (fields[key] ?? undefined) : undefined;

function text(fields: Readonly<Record<string, unknown>>, key: string): string | undefined {
  const value = own(fields, key);
  if (value === undefined || typeof value === 'string') return value;
  throw refused(key, `${key} is not a text`, 'a text');
}

/** Docker: object, null or absent. The values are always texts. */
function options(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  const opts = own(fields, 'Opts');
  if (opts === undefined) return {};
  if (typeof opts !== 'object' || Array.isArray(opts)) throw refused('Opts', 'Opts is not an object', 'an object');
  for (const [key, value] of Object.entries(opts as object))
    if (typeof value !== 'string')
      throw refused(key, `option ${JSON.stringify(key.slice(0, 100))} is not a text`, 'a text');
  return opts as Record<string, string>;
}

function holderOf(id: string): string {
  if (id === '' || id === DVDCLI) return DVDCLI;
  if (!/^[^\s\p{Cc}]{1,256}$/u.test(id))
    throw refused('ID', 'the ID is not usable', '1 to 256 characters without spaces');
  return `engine:${id}`;
}

const refused = (path: string, why: string, expected: string): VolumeError<'invalid'> =>
  new VolumeError('invalid', `The request was refused: ${why}.`, {
    details: { path, expected },
    hint: 'Nothing was done.',
  });
