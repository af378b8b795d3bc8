import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Undo actions, run last first, all of them, even when some fail. */
export class Cleanup {
  readonly #undo: (() => unknown)[] = [];

  add(undo: () => unknown): void {
    this.#undo.push(undo);
  }

  /** A directory below the system's temporary one, removed at the end. */
  tempDir(prefix = 'rexray-test-'): string {
    const dir = mkdtempSync(join(tmpdir(), prefix));
    this.add(() => removeTree(dir));
    return dir;
  }

  async run(): Promise<void> {
    const errors: unknown[] = [];
    for (const undo of this.#undo.splice(0).reverse()) {
      try {
        await undo();
      } catch (e) {
        errors.push(e);
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, 'clean-up failed');
  }
}

/** Mountpoints that a killed node left are immutable. */
export function removeTree(dir: string): void {
  try {
    rmSync(dir, { recursive: true, force: true });
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code !== 'EPERM') throw e;
    // Its status says nothing: links and sockets have no such flag.
    spawnSync('chattr', ['-R', '-f', '-i', dir], { stdio: 'ignore' });
    rmSync(dir, { recursive: true, force: true });
  }
}
