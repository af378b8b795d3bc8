import type { Logger } from '@rexray/core';
import type { Context, GlobalFlags } from '../context.ts';
import type { Io } from '../io.ts';
import type { Printing } from '../output.ts';
import type { Redactor } from '../redact.ts';

/** A flag of a command: how it is written (`-o, --opt <key=value>`), and what it means. */
export interface FlagRow {
  readonly flag: string;
  readonly about: string;
  /** May be given several times: the values are a list. */
  readonly repeats?: true;
  /** Works, and is not listed. */
  readonly hidden?: true;
}

/** What a command has at hand that opens no service by itself. */
export interface Plain<F extends GlobalFlags = GlobalFlags> {
  readonly io: Io;
  readonly printing: Printing;
  readonly flags: F;
  readonly logger: Logger;
  readonly redactor: Redactor;
}

/** Runs over the service that is meant; the session is closed when it has ended. @returns the exit status */
export type OverAction = (c: Context, ...args: never[]) => Promise<number>;
/** Gets the arguments of the command line after {@link Plain}. @returns the exit status */
export type PlainAction = (p: Plain<never>, ...args: never[]) => Promise<number>;

/** One command: what the parser, the help, the completion and the documentation are made from. */
export interface CommandRow {
  /** Words of the command: `volume ls`, `start`. */
  readonly name: string;
  /** Arguments as commander writes them: `<name>`, `[names...]`. */
  readonly args?: string;
  /** Other words for the last one. */
  readonly aliases?: readonly string[];
  readonly about: string;
  readonly flags?: readonly FlagRow[];
  /** Works, and is not listed: words of REX-Ray that mean another command here. */
  readonly hidden?: true;
  /** Exactly one of the two: the module is loaded when the command is run. */
  readonly over?: () => Promise<OverAction>;
  readonly plain?: () => Promise<PlainAction>;
}

/** Words before the last one: `volume`. */
export interface GroupRow {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly about: string;
  readonly hidden?: true;
}

export const flag = (written: string, about: string): FlagRow => ({ flag: written, about });

/** REX-Ray 0.3 named things by flags. */
const old = (written: string): FlagRow => ({ flag: written, about: 'as REX-Ray 0.3 wrote it', hidden: true });
export const OLD_VOLUME: readonly FlagRow[] = [
  old('--volumeName <name>'),
  old('--volumeID <id>'),
  old('--instanceID <id>'),
  old('--runAsync'),
];
export const OLD_SNAPSHOT: readonly FlagRow[] = [
  old('--snapshotName <name>'),
  old('--snapshotID <id>'),
  old('--volumeName <name>'),
  old('--volumeID <id>'),
  old('--description <text>'),
  old('--runAsync'),
];

export const DRY = flag('-n, --dryRun', 'say what would be done, step by step, and do nothing');
export const SEVERAL: readonly FlagRow[] = [
  flag('-i, --idempotent', 'what is so already is no error'),
  flag('--continueOnError', 'go on with the other names after an error'),
];
