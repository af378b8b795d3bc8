/** What a client of libStorage is told of a disk of VirtualBox: computed from its UUID, so no VirtualBox is needed. */
import type { Volume } from '@rexray/core';
import { describe, expect, it } from 'vitest';
import plugin from '../src/index.ts';
import { byIdOf } from '../src/names.ts';

const UUID = '938DCA77-1111-2222-3333-44440F21B4C3';
const { legacy } = plugin.plugin;
/** The facet reads nothing else of a volume. */
const volume = (id: string): Volume => ({ id, attachments: [], status: {} }) as unknown as Volume;

describe('the legacy facet', () => {
  it('disks are block devices, and a client need not pick a name for one', () => {
    expect([legacy?.type, legacy?.nextDevice?.ignore ?? true]).toEqual(['block', true]);
  });

  it('the token is the first part of the UUID in lower case', () => {
    expect(legacy?.attachToken(volume(UUID), 'node')).toBe('938dca77');
  });

  it('a client of REX-Ray finds by it the link that udev makes for the disk', () => {
    // As its executor reads the links: what stands between this prefix and the next dash.
    const [, seen] = /VBOX_HARDDISK_VB([^-]+)-/.exec(byIdOf(UUID)) ?? [];
    expect(seen).toBe(legacy?.attachToken(volume(UUID), 'node'));
  });

  it('the name of the device is the node’s to say', () => {
    expect(legacy?.deviceName?.(volume(UUID), 'node')).toBeUndefined();
  });
});
