import type { FsType } from '@rexray/core';

/** What a superblock says, once it verified. */
export interface Superblock {
  readonly kind: 'ok';
  /** `ext2` and `ext3` too: they are not ours to make, but they are known. */
  readonly fsType: FsType | 'ext2' | 'ext3';
  readonly uuid: string;
  readonly label: string;
  readonly blockSize: number;
  /** On this device. */
  readonly fsBytes: number;
  /** Unmounted, nothing to replay, no error recorded; undefined where it cannot be told from the superblock. */
  readonly clean?: boolean;
  /** Why not clean, as words. */
  readonly dirt?: string;
  /** An error is recorded: more than a journal to replay. */
  readonly failed?: boolean;
}

/** A magic number with something wrong about it. */
export interface BadSuperblock {
  readonly kind: 'bad';
  readonly fsType: string;
  readonly uuid?: string;
  readonly why: string;
  readonly at: number;
}

export type Parsed<S extends Superblock = Superblock> = S | BadSuperblock | undefined;
