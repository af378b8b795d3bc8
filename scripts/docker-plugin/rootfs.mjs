/** The root file system of the managed plugin: Node, programs and libraries of this machine, and what they read. */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { fail, ROOT } from '../setup.mjs';

const { PROGRAMS, findProgram } = await import(pathToFileURL(join(ROOT, 'packages/host-linux/dist/programs.js')).href);
/** What those programs and our own scripts start in turn. */
const HELPERS = ['sh', 'env', 'sleep', 'expr', 'cat', 'timeout', 'xfs_db', 'xfs_io'];
/** Without these nothing can be mounted. */
const NEEDED = ['setpriv', 'mkfs.ext4', 'e2fsck', 'blkid'];
const FILES = ['/etc/mke2fs.conf', '/etc/ssl/certs/ca-certificates.crt', '/etc/nsswitch.conf'];
const DIRECTORIES = ['data', 'dev', 'etc/rexray', 'proc', 'run/docker/plugins', 'sys', 'tmp', 'var/lib/rexray'];
/** Debian has one place for each of these. */
const MERGED = ['bin', 'sbin', 'lib', 'lib64'];

/** Fills a directory that holds the packages in `opt/rexray` already. */
export function rootfs(dir) {
  for (const name of MERGED) {
    mkdirSync(join(dir, 'usr', name), { recursive: true });
    symlinkSync(`usr/${name}`, join(dir, name));
  }
  for (const name of DIRECTORIES) mkdirSync(join(dir, name), { recursive: true });
  chmodSync(join(dir, 'tmp'), 0o1777);
  writeFileSync(join(dir, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\n');
  writeFileSync(join(dir, 'etc/group'), 'root:x:0:\n');
  for (const file of FILES) if (existsSync(file)) copy(file, join(dir, file));
  copy(process.execPath, join(dir, 'usr/local/bin/node'));
  const programs = [...Object.keys(PROGRAMS), ...HELPERS].map((name) => [name, findProgram(name)]);
  for (const [name, path] of programs) {
    if (path === undefined && NEEDED.includes(name))
      fail(`${name} is not installed here: apt-get install ${PROGRAMS[name]}`);
    if (path === undefined) console.log(`left out, because it is not installed here: ${name}`);
    else copy(path, join(dir, path));
  }
  const found = programs.flatMap(([, path]) => (path === undefined ? [] : [path]));
  for (const library of librariesOf([process.execPath, ...found, ...addons(join(dir, 'opt/rexray'))]))
    copy(library, join(dir, library));
}

/** Links are followed: what is copied is a file. */
function copy(from, to) {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
}

const addons = (dir) =>
  readdirSync(dir, { recursive: true })
    .filter((f) => f.endsWith('.node'))
    .map((f) => join(dir, f));

/** As the loader of this machine finds them; a script, or an addon of another platform, has none. */
function librariesOf(files) {
  const all = new Set();
  for (const file of files) {
    let said = '';
    try {
      said = execFileSync('ldd', [file], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    } catch {
      continue;
    }
    for (const [, path] of said.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)) all.add(path);
  }
  return all;
}
