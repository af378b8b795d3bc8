import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { VolumeError } from '@rexray/core';
import type { Announced } from './discover.ts';
import { unix } from './endpoint.ts';
import type { Places } from './places.ts';

/** A plugin that Docker runs from an image (`docker plugin install`). */
interface Managed {
  /** `rexray/ebs:latest` */
  readonly name: string;
  readonly socket: string;
  readonly plugin: Announced;
}

/** Those named `N` or `N:latest`; else the one whose socket is `N.sock`. @throws VolumeError `invalid` where several have that socket */
export function managedPluginsOf(name: string, places: Places): readonly Announced[] {
  const all = managedPlugins(places);
  const named = all.filter((m) => m.name === name || m.name === `${name}:latest`);
  const found = named.length > 0 ? named : all.filter((m) => m.socket === `${name}.sock`);
  if (found.length > 1)
    throw new VolumeError(
      'invalid',
      `Several managed plugins have the socket ${name}.sock: ${found.map((m) => m.name).join(', ')}.`,
      {
        details: { path: 'volumedriver', value: name, expected: 'the name of one of them' },
        hint: `Write --volumedriver=${found[0]?.name}.`,
      },
    );
  return found.map((m) => m.plugin);
}

/** Enabled volume plugins, as Docker's own notes have them. */
export function managedPlugins(places: Places): readonly Managed[] {
  let ids: string[];
  try {
    ids = readdirSync(places.managed).filter((id) => /^[0-9a-f]{64}$/.test(id));
  } catch {
    return [];
  }
  return ids.flatMap((id) => {
    const it = read(places, id);
    return it === undefined ? [] : [it];
  });
}

interface Note {
  readonly Name?: string;
  readonly Enabled?: boolean;
  readonly Config?: {
    readonly PropagatedMount?: string;
    readonly Interface?: { readonly Socket?: string; readonly Types?: readonly unknown[] };
  };
}

function read(places: Places, id: string): Managed | undefined {
  let note: Note | undefined;
  try {
    note = (JSON.parse(readFileSync(join(places.managed, id, 'config.json'), 'utf8')) as { plugin?: Note }).plugin;
  } catch {
    return undefined;
  }
  const { Socket: socket, Types: types } = note?.Config?.Interface ?? {};
  if (note?.Enabled !== true || typeof note.Name !== 'string' || typeof socket !== 'string') return undefined;
  if (
    socket.includes('/') ||
    !JSON.stringify(types ?? '')
      .toLowerCase()
      .includes('volumedriver')
  )
    return undefined;
  const propagated = note.Config?.PropagatedMount ?? '';
  const root = join(places.managed, id);
  return {
    name: note.Name,
    socket,
    plugin: {
      endpoint: unix(join(places.sockets, id, socket)),
      // As dockerd does: below the propagated mount the host sees it there, everything else in the plugin's root.
      onHost: (path) =>
        propagated !== '' && path.startsWith(propagated)
          ? join(root, 'propagated-mount', path.slice(propagated.length))
          : join(root, 'rootfs', path),
    },
  };
}
