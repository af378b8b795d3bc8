import { VolumeError } from '@rexray/core';

/** Formats with the ending that their files get. */
export const ENDINGS = { VDI: '.vdi', VMDK: '.vmdk' } as const;
export type Format = keyof typeof ENDINGS;
export const isFormat = (x: string): x is Format => Object.hasOwn(ENDINGS, x);

/** Names that Windows gives to devices, with any ending. */
const RESERVED = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

/** File name of a volume. Volume names begin with a letter or digit, so that no other one has the underscore. */
export const fileOf = (name: string, format: Format): string =>
  `${RESERVED.test(name) ? '_' : ''}${name}${ENDINGS[format]}`;

/** The name by which a disk that is not ours is shown: its file's, without the ending of a disk. */
export const shownName = (location: string): string => baseOf(location).replace(/\.(vdi|vmdk|vhd|hdd)$/i, '');

const isWindows = (path: string): boolean => /^[A-Za-z]:[\\/]/.test(path) || path.startsWith('\\\\');
const baseOf = (location: string): string => location.split(isWindows(location) ? /[\\/]/ : '/').at(-1) ?? location;

/** The directory of the volumes, as the VirtualBox host spells paths. */
export class Folder {
  readonly path: string;
  readonly #separator: string;

  /** @throws VolumeError `invalid` unless it is an absolute path */
  constructor(volumePath: string) {
    this.#separator = isWindows(volumePath) ? '\\' : '/';
    this.path = volumePath.replace(isWindows(volumePath) ? /[\\/]+$/ : /\/+$/, '');
    const absolute = isWindows(this.path) || (this.path.startsWith('/') && !/(^|\/)\.\.?(\/|$)/.test(this.path));
    if (absolute) return;
    throw new VolumeError(
      'invalid',
      volumePath === ''
        ? 'virtualbox.volumePath is not set: where on the VirtualBox host shall volumes be?'
        : `virtualbox.volumePath: "${volumePath}" is not an absolute path.`,
      {
        details: {
          path: 'virtualbox.volumePath',
          value: volumePath,
          expected: 'an absolute path of the VirtualBox host',
        },
        hint: 'For example virtualbox.volumePath: $HOME/VirtualBox/Volumes',
      },
    );
  }

  at(...parts: readonly string[]): string {
    return [this.path, ...parts].join(this.#separator);
  }

  /** Path of a location below this folder; undefined when it is elsewhere. */
  relative(location: string): string | undefined {
    const fold = (s: string): string => (isWindows(this.path) ? s.replaceAll('/', '\\').toLowerCase() : s);
    const start = `${this.path}${this.#separator}`;
    return fold(location).startsWith(fold(start)) ? location.slice(start.length) : undefined;
  }
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
export const isUuid = (x: string): boolean => UUID.test(x);

/**
 * Name below /dev/disk/by-id of the disk that a guest sees: its serial is `VB` and the first and the last 32 bits of the
 * uuid, the last as a little-endian number (format `VB%08x-%08x` in VirtualBox's device code).
 */
export function byIdOf(uuid: string): string {
  const hex = uuid.replaceAll('-', '').toLowerCase();
  const last = hex.slice(24).match(/../g)?.reverse().join('') ?? '';
  return `ata-VBOX_HARDDISK_VB${hex.slice(0, 8)}-${last}`;
}
