import type { Disk, Patience } from '../client.ts';
import { failed, is, VboxError } from '../errors.ts';
import type { Wire } from './session.ts';

const NIL = '00000000-0000-0000-0000-000000000000';
const POLL_MS = 1_000;

/** The reference of a registered disk; undefined when there is none of this id. */
export async function mediumOf(w: Wire, id: string): Promise<string | undefined> {
  return openMedium(w, id);
}

/** By uuid or path. A file that is not registered becomes so by this: see {@link unregister}. */
export async function openMedium(w: Wire, what: string): Promise<string | undefined> {
  try {
    const args = { _this: w.vb, location: what, deviceType: 'HardDisk', accessMode: 'ReadWrite', forceNewUuid: false };
    const medium = (await w.call('IVirtualBox_openMedium', args)).text();
    return medium === '' ? undefined : medium;
  } catch (e) {
    if (is(e, 'not_found')) return undefined;
    throw e;
  }
}

export async function idOf(w: Wire, medium: string): Promise<string> {
  const known = w.ids.get(medium);
  if (known !== undefined) return known;
  const id = (await w.call('IMedium_getId', { _this: medium })).text().toLowerCase();
  if (id !== NIL && id !== '') w.ids.set(medium, id);
  return id;
}

/**
 * Size in bytes. A VBoxSVC that has just started knows it as 0 until it has looked at the file: taken for the truth, a volume
 * would be grown to less than it has.
 */
export async function sizeOf(w: Wire, medium: string): Promise<number> {
  const ask = async (): Promise<number> => Number((await w.call('IMedium_getLogicalSize', { _this: medium })).text());
  const known = await ask();
  if (known !== 0) return known;
  await w.call('IMedium_refreshState', { _this: medium });
  return ask();
}

export async function diskOf(w: Wire, medium: string): Promise<Disk | undefined> {
  const ask = async (what: string): Promise<string> => (await w.call(`IMedium_get${what}`, { _this: medium })).text();
  // A reference stays valid when its disk is deleted; then the id is nil.
  const id = (await ask('Id')).toLowerCase();
  const [state, location] = [await ask('State'), await ask('Location')];
  if (id === NIL || state === 'NotCreated') return undefined;
  w.ids.set(medium, id);
  const machines = (await w.call('IMedium_getMachineIds', { _this: medium })).texts();
  return {
    id,
    location,
    format: (await ask('Format')).toUpperCase(),
    sizeBytes: await sizeOf(w, medium),
    description: await ask('Description'),
    state:
      state === 'Inaccessible' ? 'inaccessible' : state === 'Creating' || state === 'Deleting' ? 'making' : 'ready',
    machines: machines.map((m) => m.toLowerCase()),
  };
}

/** Waits for what VirtualBox does by itself, and tells how it ended. */
export async function finished(w: Wire, progress: string, p: Patience, what: string): Promise<void> {
  const args = { _this: progress };
  let stopped = false;
  try {
    for (;;) {
      await w.call('IProgress_waitForCompletion', { ...args, timeout: POLL_MS });
      if ((await w.call('IProgress_getCompleted', args)).text() === 'true') break;
      if (!p.signal.aborted && performance.now() < p.deadline) continue;
      // Cancelled, VirtualBox takes back what it had begun.
      if (!stopped) await w.call('IProgress_cancel', args).catch(() => undefined);
      stopped = true;
    }
    const result = Number((await w.call('IProgress_getResultCode', args)).text());
    if (result !== 0 && stopped) throw new VboxError('late', `${what}: the time was over, and it was taken back`);
    if (result !== 0) throw failed(result, await errorText(w, progress, what));
  } finally {
    await w.call('IManagedObjectRef_release', args).catch(() => undefined);
  }
}

async function errorText(w: Wire, progress: string, what: string): Promise<string> {
  const info = (await w.call('IProgress_getErrorInfo', { _this: progress })).text();
  if (info === '') return what;
  const text = (await w.call('IVirtualBoxErrorInfo_getText', { _this: info })).text();
  await w.call('IManagedObjectRef_release', { _this: info }).catch(() => undefined);
  return text || what;
}

/** Makes the object of a disk that does not exist yet. */
export async function newMedium(
  w: Wire,
  disk: { readonly location: string; readonly format: string; readonly description: string },
): Promise<string> {
  const args = {
    _this: w.vb,
    format: disk.format,
    location: disk.location,
    accessMode: 'ReadWrite',
    aDeviceTypeType: 'HardDisk',
  };
  const medium = (await w.call('IVirtualBox_createMedium', args)).text();
  // Before there is a file, so that no moment shows a disk without its mark.
  await w.call('IMedium_setDescription', { _this: medium, description: disk.description });
  return medium;
}

/** A `Fixed` variant, or the plain one. */
export const variantOf = (fixed: boolean): readonly string[] => [fixed ? 'Fixed' : 'Standard'];

export const unregister = (w: Wire, medium: string): Promise<unknown> => w.call('IMedium_close', { _this: medium });

export const gone = (id: string): VboxError =>
  new VboxError('not_found', `No disk ${id} is registered with VirtualBox`);
