import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { VolumeError } from '@rexray/core';
import type { DockerConfig } from './config.ts';

/** The file by which engines find a plugin that is not a socket in their plugin directory. */
export interface Discovery {
  remove(): Promise<void>;
}

/** `.spec` is the address alone; `.json` can name the certificates that the engine shows. */
function contentOf(file: string, address: string, client: DockerConfig['client']): string | undefined {
  if (extname(file) === '.spec') return `${address}\n`;
  if (extname(file) !== '.json') return undefined;
  const { caFile, certFile, keyFile } = client ?? {};
  const tls = {
    InsecureSkipVerify: false,
    ...(caFile !== undefined && { CAFile: caFile }),
    ...(certFile !== undefined && { CertFile: certFile }),
    ...(keyFile !== undefined && { KeyFile: keyFile }),
  };
  // An engine takes "https" for TLS here; for a socket there is none.
  const addr = address.replace(/^tcp:/, 'https:');
  return `${JSON.stringify({ Name: basename(file, '.json'), Addr: addr, ...(addr.startsWith('https:') && { TLSConfig: tls }) }, null, 2)}\n`;
}

/** @throws VolumeError `invalid`, `denied` */
export async function announce(file: string, address: string, client: DockerConfig['client']): Promise<Discovery> {
  const content = contentOf(file, address, client);
  if (content === undefined || !file.startsWith('/')) {
    throw new VolumeError('invalid', `discovery: "${file}" is not a discovery file.`, {
      details: { path: 'discovery', value: file, expected: 'an absolute path that ends in .spec or .json' },
      hint: 'Write /etc/docker/plugins/<name>.spec, or .json where the engine shows a certificate.',
    });
  }
  const draft = join(dirname(file), `.${randomBytes(4).toString('hex')}`);
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o755 });
    await writeFile(draft, content, { mode: 0o644, flag: 'wx' });
    await rename(draft, file);
  } catch (e) {
    await rm(draft, { force: true }).catch(() => undefined);
    throw new VolumeError(
      'denied',
      `The discovery file ${file} cannot be written (${(e as NodeJS.ErrnoException).code}).`,
      {
        details: { rule: 'permissions of the directory', where: dirname(file) },
        cause: e,
      },
    );
  }
  return {
    async remove() {
      // Another plugin may have taken the name meanwhile.
      const now = await readFile(file, 'utf8').catch(() => undefined);
      if (now === content) await rm(file, { force: true });
    },
  };
}
