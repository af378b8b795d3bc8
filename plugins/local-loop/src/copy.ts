import { constants } from 'node:fs';
import fsp, { type FileHandle } from 'node:fs/promises';
import type { Ctx } from '@rexray/core';
import { dataExtents, errnoCode, reflink } from '@rexray/kernel';

export type CopyControl = Pick<Ctx, 'signal' | 'progress'>;

const CHUNK = 1 << 20;
const REPORT_EVERY = 16 * CHUNK;
const ZEROS = Buffer.alloc(CHUNK);
/** A file without a name: nothing of it is left, not even by SIGKILL. */
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;

async function pair<T>(from: string, to: string, f: (a: FileHandle, b: FileHandle) => Promise<T>): Promise<T> {
  const a = await fsp.open(from, 'r');
  try {
    const b = await fsp.open(to, 'wx', 0o600);
    try {
      return await f(a, b);
    } finally {
      await b.close();
    }
  } finally {
    await a.close();
  }
}

/** A new file that shares all blocks of another: an atomic copy of its content at one moment. Durable. @throws `EOPNOTSUPP`, `EEXIST` */
export const cloneFile = (from: string, to: string): Promise<void> =>
  pair(from, to, async (a, b) => {
    await reflink(a.fd, b.fd);
    await b.sync();
  });

/**
 * A new file with the data of another and holes where that has holes or zeros. Durable. Not atomic: nobody may write the
 * source meanwhile. Stops at an abort; the caller removes what was made.
 */
export const copySparse = (from: string, to: string, control: CopyControl): Promise<void> =>
  pair(from, to, async (a, b) => {
    const { size } = await a.stat();
    await b.truncate(size);
    const buffer = Buffer.allocUnsafe(CHUNK);
    let reported = 0;
    for (const [start, end] of dataExtents(a.fd)) {
      for (let at = start; at < end; ) {
        control.signal.throwIfAborted();
        const { bytesRead } = await a.read(buffer, 0, Math.min(CHUNK, end - at), at);
        if (bytesRead === 0) break;
        // Preallocated or punched ranges read as zeros: kept as holes, so that a copy never takes more room than its source.
        if (ZEROS.compare(buffer, 0, bytesRead, 0, bytesRead) !== 0) await writeAll(b, buffer, bytesRead, at);
        at += bytesRead;
        if (at - reported < REPORT_EVERY) continue;
        reported = at;
        control.progress({ phase: 'copying', done: at, total: size, unit: 'bytes' });
      }
    }
    await b.sync();
    control.progress({ phase: 'copying', done: size, total: size, unit: 'bytes' });
  });

async function writeAll(h: FileHandle, buffer: Buffer, length: number, position: number): Promise<void> {
  for (let done = 0; done < length; ) {
    done += (await h.write(buffer, done, length - done, position + done)).bytesWritten;
  }
}

/**
 * Whether files of this directory can share blocks, found by doing it.
 * @param scratch path prefix for two files, used only where files without a name cannot be made (NFS)
 */
export async function probeReflink(dir: string, scratch: string): Promise<boolean> {
  const named: string[] = [];
  const opened: FileHandle[] = [];
  const open = async (): Promise<FileHandle> => {
    const path = `${scratch}-${named.length}`;
    const h = await fsp.open(dir, constants.O_RDWR | O_TMPFILE, 0o600).catch(() => {
      named.push(path);
      return fsp.open(path, 'wx+', 0o600);
    });
    opened.push(h);
    return h;
  };
  try {
    const from = await open();
    await from.write(ZEROS, 0, 4096, 0);
    await reflink(from.fd, (await open()).fd);
    return true;
  } catch (e) {
    if (errnoCode(e) === undefined) throw e;
    return false;
  } finally {
    for (const h of opened) await h.close();
    for (const path of named) await fsp.rm(path, { force: true });
  }
}
