/**
 * What lies where below the directory of a service.
 *
 *     .rexray-root            identity of the place (S9)
 *     .spare                  room for a claim on a full disk
 *     .tmp/<token>…           half-made things, named after the process that makes them (S12)
 *     .trash/<token>…         removed things whose blocks are being given back
 *     .snapshots/<name>/      image · id.<incarnation> · about.json
 *     <name>/                 one volume:
 *       image                 the sparse image; after a switch (S10) `image.<epoch>`: the record says which
 *       id.<inc>              incarnation: a volume made again under this name has another (S13)
 *       record.<inc>.<rev>    the record; the highest revision counts (S1)
 *       claim.<inc>.<epoch>   who may use it; the highest epoch counts (S5)
 *       free.<inc>.<epoch>    the same claim, let go by its owner
 *       ask.<inc>.<epoch>     another node asks the owner of this epoch to let go (S10)
 *
 * Numbered names are only ever *made*, never overwritten by another: whoever makes the next number won, and a straggler
 * that makes an old number, or one of an earlier incarnation, made a name that nobody reads. The highest number is never
 * removed. Names that begin with a dot are the driver's, because a volume's name cannot.
 */
import { createHash, randomBytes } from 'node:crypto';
import { isName } from '@rexray/core';

export const ROOT_FILE = '.rexray-root';
export const SPARE = '.spare';
export const TMP = '.tmp';
export const TRASH = '.trash';
export const SNAPSHOTS = '.snapshots';
export const IMAGE = 'image';
export const ABOUT = 'about.json';

export const newIncarnation = (): string => randomBytes(6).toString('hex');
export const shortHash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

export const idFile = (inc: string): string => `id.${inc}`;
export const recordFile = (inc: string, rev: number): string => `record.${inc}.${rev}`;
export const claimFile = (inc: string, epoch: number): string => `claim.${inc}.${epoch}`;
export const freeFile = (inc: string, epoch: number): string => `free.${inc}.${epoch}`;
export const askFile = (inc: string, epoch: number): string => `ask.${inc}.${epoch}`;
export const imageFile = (epoch: number): string => (epoch === 0 ? IMAGE : `${IMAGE}.${epoch}`);

export const toId = (name: string, inc: string): string => `${name}@${inc}`;
export const toForeignId = (entry: string, ino: bigint): string => `${entry}@foreign-${ino}`;

export type ParsedId =
  | { readonly kind: 'own'; readonly name: string; readonly inc: string }
  | { readonly kind: 'foreign'; readonly entry: string; readonly ino: string };

/** undefined for what is not an id of this driver (and so is the id of nothing). */
export function parseId(id: string): ParsedId | undefined {
  const at = id.lastIndexOf('@');
  const name = id.slice(0, Math.max(at, 0));
  const rest = id.slice(at + 1);
  if (/^[0-9a-f]{12}$/.test(rest) && isName(name)) return { kind: 'own', name, inc: rest };
  const foreign = /^foreign-(\d+)$/.exec(rest);
  if (foreign?.[1] === undefined || name === '' || name.startsWith('.') || /[/\0]/.test(name)) return undefined;
  return { kind: 'foreign', entry: name, ino: foreign[1] };
}

/** What one reading of a volume's directory says. */
export interface Scan {
  readonly inc: string;
  /** Highest revision; 0 = no record. */
  readonly rev: number;
  /** Highest claim; 0 = never claimed. */
  readonly epoch: number;
  /** Its owner let go. */
  readonly free: boolean;
  readonly asked: boolean;
  readonly entries: readonly string[];
}

const numbered = (entry: string, prefix: string): number | undefined => {
  if (!entry.startsWith(prefix)) return undefined;
  const rest = entry.slice(prefix.length);
  return /^\d{1,15}$/.test(rest) ? Number(rest) : undefined;
};

/** undefined = the directory is not a volume of ours: no incarnation. */
export function readScan(entries: readonly string[]): Scan | undefined {
  const inc = entries.find((e) => /^id\.[0-9a-f]{12}$/.test(e))?.slice(3);
  if (inc === undefined) return undefined;
  let rev = 0;
  let epoch = 0;
  for (const e of entries) {
    rev = Math.max(rev, numbered(e, `record.${inc}.`) ?? 0);
    epoch = Math.max(epoch, numbered(e, `claim.${inc}.`) ?? 0, numbered(e, `free.${inc}.`) ?? 0);
  }
  const [free, asked] = [freeFile(inc, epoch), askFile(inc, epoch)].map((e) => entries.includes(e));
  return { inc, rev, epoch, free: free === true, asked: asked === true, entries };
}

/**
 * Entries that nobody reads any more: lower numbers, earlier incarnations.
 * @param image name of the image that counts; then others are among them
 */
export function superseded(s: Scan, image?: string): string[] {
  const names = [
    recordFile(s.inc, s.rev),
    askFile(s.inc, s.epoch),
    claimFile(s.inc, s.epoch),
    freeFile(s.inc, s.epoch),
  ];
  const keep = new Set([...names, image]);
  const read = image === undefined ? NUMBERED : NUMBERED_OR_IMAGE;
  return s.entries.filter((e) => read.test(e) && !keep.has(e));
}

const NUMBERED = /^(record|claim|free|ask)\.[0-9a-f]{12}\.\d+$/;
const NUMBERED_OR_IMAGE = /^((record|claim|free|ask)\.[0-9a-f]{12}\.\d+|image(\.\d+)?)$/;
