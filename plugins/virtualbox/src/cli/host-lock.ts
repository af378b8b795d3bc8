import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { left, type Patience } from '../client.ts';
import { VboxError } from '../errors.ts';

/**
 * A lock among the processes of this host. `VBoxManage storageattach` replaces what is on a busy port without a word, so that
 * choosing a port and using it must be one act. The lock is `flock`'s: it ends with its holder, however that ends.
 */
export async function withHostLock<T>(dir: string, name: string, p: Patience, body: () => Promise<T>): Promise<T> {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const seconds = String(Math.max(0.1, left(p) / 1000));
  const child = execa(
    'flock',
    ['-w', seconds, join(dir, `${name}.lock`), 'sh', '-c', 'echo held; exec cat >/dev/null'],
    {
      stdin: 'pipe',
      reject: false,
      cleanup: true,
      buffer: false,
    },
  );
  const held = await new Promise<boolean>((resolve) => {
    child.stdout?.once('data', () => resolve(true));
    void child.then(() => resolve(false));
  });
  if (!held) {
    const { code, exitCode } = await child;
    if (code === 'ENOENT') throw new VboxError('program', 'The program flock is missing (Debian package util-linux)');
    if (exitCode === 1)
      throw new VboxError('locked', 'Another process on this host changes the machine and does not end');
    throw new VboxError('other', `flock ended with status ${exitCode}`);
  }
  try {
    return await body();
  } finally {
    child.stdin?.end();
    await child;
  }
}
