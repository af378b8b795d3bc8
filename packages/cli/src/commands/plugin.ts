import { loadConfig } from '@rexray/runtime/config';
import { type Column, print } from '../output.ts';
import { configOptions } from '../session.ts';
import type { Plain } from '../table/row.ts';

interface Installed {
  readonly kind: string;
  readonly name: string;
  readonly package: string;
  readonly version: string;
  readonly path: string;
}
const PLUGIN: readonly Column<Installed>[] = [
  { head: 'Name', cell: (p) => p.name, gives: 1 },
  { head: 'Kind', cell: (p) => p.kind },
  { head: 'Package', cell: (p) => p.package, gives: 2 },
  { head: 'Version', cell: (p) => p.version },
];

export async function ls({ io, printing, flags }: Plain): Promise<number> {
  const [config, { installedPlugins }] = await Promise.all([
    loadConfig(configOptions(flags, io)),
    import('@rexray/runtime/daemon'),
  ]);
  const rows = installedPlugins(config);
  await print(io, printing, rows, { rows, columns: PLUGIN });
  return 0;
}
