import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { VolumeError } from '@rexray/core';
import { placesOf } from '@rexray/runtime/config';
import type { GlobalFlags } from '../context.ts';
import { print } from '../output.ts';
import type { Plain } from '../table/row.ts';

export const firstConfig = (
  driver: string,
): string => `# REX-Ray. Every key: docs/config.md, or "rexray config explain KEY".
libstorage:
  service: ${driver}
  integration:
    volume:
      operations:
        create:
          default:
            size: 16               # GiB, where none is asked
            fsType: ext4           # ext4, xfs or btrfs
        mount:
          preempt: false           # take a volume from the node that has it
        remove:
          disable: false           # true: "docker volume rm" removes nothing
# ${driver}:
#   volumePath: /srv/volumes       # settings of the driver
rexray:
  logLevel: info
# modules:                         # without any: Docker's plugin on /run/docker/plugins/rexray.sock
#   default-docker:
#     type: docker
#     host: unix:///run/docker/plugins/rexray.sock
`;

export async function init({
  io,
  printing,
  flags,
}: Plain<GlobalFlags & { driver?: string; stdout?: boolean }>): Promise<number> {
  const root = process.geteuid?.() === 0;
  const text = firstConfig(flags.driver ?? (root ? 'local-loop' : 'local-dir'));
  if (flags.stdout === true) {
    io.out(text);
    return 0;
  }
  const paths = placesOf({ env: io.env as Record<string, string>, root });
  const path = flags.config ?? join(paths.etc, 'rexray.yml');
  // REX-Ray's other name: a second file would hide it.
  const other = [path, join(paths.etc, 'config.yml'), join(paths.user, 'rexray.yml'), join(paths.user, 'config.yml')];
  const found = other.find((f) => (flags.config === undefined || f === path) && existsSync(f));
  if (found !== undefined)
    throw new VolumeError('already_exists', `There is a configuration already: ${found}.`, {
      details: { differs: {} },
      hint: 'Change it, or print a first one with --stdout.',
    });
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  writeFileSync(path, text, { mode: 0o600, flag: 'wx' });
  await print(io, printing, { path }, { lines: [path] });
  return 0;
}
