import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The static busybox of Debian's package `busybox-static`: all that our images are made of. */
const BUSYBOX = '/bin/busybox';

export interface ImageFile {
  readonly text: string;
  readonly mode?: number;
  readonly owner?: number;
}

/** A root file system with busybox and these files, as a tar file for `docker import` and `podman import`. */
export function busyboxTar(dir: string, files: Readonly<Record<string, ImageFile>> = {}): string {
  const root = mkdtempSync(join(dir, 'rootfs-'));
  try {
    for (const d of ['bin', 'etc', 'tmp', 'proc', 'sys', 'dev']) mkdirSync(join(root, d));
    copyFileSync(BUSYBOX, join(root, 'bin/busybox'));
    chmodSync(join(root, 'bin/busybox'), 0o755);
    for (const applet of execFileSync(BUSYBOX, ['--list'], { encoding: 'utf8' }).trim().split('\n'))
      if (applet !== 'busybox') symlinkSync('busybox', join(root, 'bin', applet));
    writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\nweb:x:1000:1000::/:/bin/sh\n');
    writeFileSync(join(root, 'etc/group'), 'root:x:0:\nweb:x:1000:\n');
    for (const [path, { text, mode }] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text, { mode: mode ?? 0o644 });
    }
    const tar = `${root}.tar`;
    execFileSync('tar', ['-C', root, '-cf', tar, '.']);
    return tar;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
