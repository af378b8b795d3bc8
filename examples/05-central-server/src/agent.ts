/** An agent: it asks the server which directory a volume is, and mounts that itself. It knows no credentials of the storage. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isVolumeError } from '@rexray/core';
import remote from '@rexray/driver-remote';
import { openRexray } from '@rexray/runtime';

interface Told {
  readonly name: string;
  readonly home: string;
  readonly host: string;
  readonly token: string;
  readonly ca: string;
  /** Directories to which the server may send this machine. */
  readonly allowRoots: readonly string[];
}
const { name, home, host, token, ca, allowRoots } = JSON.parse(process.argv[2] ?? '{}') as Told;

await using rex = await openRexray({
  home: join(home, name),
  node: { id: name },
  allowRoots,
  services: { shared: remote({ host, token, tls: { mode: 'on', trustedCertsFile: ca } }) },
});
const volumes = rex.service('shared');
try {
  await volumes.create('notes', { size: '1GiB' });
  const mount = await volumes.mount('notes', { holder: `sdk:${name}` });
  const file = join(mount.path, 'guests');
  const before = await readFile(file, 'utf8').catch(() => '');
  await writeFile(file, `${before}${name} `);
  console.log(`${name}: the guests are ${before}${name}`);
  await mount.unmount();
} catch (e) {
  if (!isVolumeError(e)) throw e;
  console.log(`${name}: ${e.code}: ${e.text}`);
}
