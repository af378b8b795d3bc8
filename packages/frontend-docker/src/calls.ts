import { type CallOptions, type Integration, isVolumeError, type Logger, type VolumeError } from '@rexray/core';
import { OK, wireVolume } from './answers.ts';
import type { Ask } from './ask.ts';
import type { Kept } from './kept.ts';
import { listVolumes, within } from './listing.ts';
import { createOptions } from './options.ts';

/** What every call of one socket works on. */
export interface Room {
  readonly service: Integration;
  readonly logger: Logger;
  readonly scope: 'auto' | 'local' | 'global';
  readonly listMs: number;
  readonly kept: Kept;
  /** A mount of this volume was asked for: what the search for lost holders must know. */
  onMount(volume: string): void;
}

export interface CallRow {
  /** It names a volume; without a valid one nothing is done. */
  readonly named: boolean;
  /** When we answer, in ms: before the engine gives up (120 s for Mount and Create, 60 s for the others). */
  readonly timeoutMs: number;
  /**
   * The client went away before the answer. `cancel`: what was begun is rolled back; an engine that gave up on a Mount
   * never sends its Unmount. `finish`: done is better than half done, and doing it again changes nothing.
   */
  readonly whenGone: 'cancel' | 'finish';
  /** Configuration key by which the verb is refused, and an engine is told success nevertheless, as REX-Ray documents. */
  readonly disabledBy?: string;
  run(room: Room, ask: Ask, call: CallOptions): Promise<string>;
  /** Takes back what was done after the client had gone. */
  undo?(room: Room, ask: Ask): Promise<void>;
}

const OPERATIONS = 'libstorage.integration.volume.operations';
const json = (o: object): string => JSON.stringify(o);

/** Every call of the volume plugin interface; nothing is decided here. */
export const CALLS: Readonly<Record<string, CallRow>> = {
  '/Plugin.Activate': {
    named: false,
    timeoutMs: 5_000,
    whenGone: 'finish',
    run: async () => '{"Implements":["VolumeDriver"]}',
  },
  '/VolumeDriver.Capabilities': {
    named: false,
    timeoutMs: 10_000,
    whenGone: 'cancel',
    run: async (room, _ask, call) => json({ Capabilities: { Scope: await scopeOf(room, call) } }),
  },
  '/VolumeDriver.Create': {
    named: true,
    timeoutMs: 110_000,
    whenGone: 'finish',
    disabledBy: `${OPERATIONS}.create.disable`,
    async run({ service }, ask, call) {
      await service.create(ask.name, { ...createOptions(ask.opts, service), ...call });
      return OK;
    },
  },
  '/VolumeDriver.Remove': {
    named: true,
    timeoutMs: 55_000,
    whenGone: 'finish',
    disabledBy: `${OPERATIONS}.remove.disable`,
    async run({ service }, ask, call) {
      await service.remove(ask.name, call);
      return OK;
    },
  },
  '/VolumeDriver.Mount': {
    named: true,
    timeoutMs: 110_000,
    whenGone: 'cancel',
    async run(room, ask, call) {
      room.onMount(ask.name);
      const { path } = await room.service.mount(ask.name, { ...call, holder: ask.holder });
      return json({ Mountpoint: path, Err: '' });
    },
    async undo({ service }, ask) {
      await service.unmount(ask.name, { holder: ask.holder, once: true, timeoutMs: 55_000 });
    },
  },
  '/VolumeDriver.Unmount': {
    named: true,
    timeoutMs: 55_000,
    whenGone: 'finish',
    async run({ service }, ask, call) {
      await service.unmount(ask.name, { ...call, holder: ask.holder });
      return OK;
    },
  },
  '/VolumeDriver.Path': {
    named: true,
    timeoutMs: 20_000,
    whenGone: 'cancel',
    run: ({ service, kept }, ask, call) =>
      kept.of('path', ask.name, call, async (o) => {
        const { mountpoint = '' } = await service.get(ask.name, o);
        return { text: json({ Mountpoint: mountpoint, Err: '' }), whole: true };
      }),
  },
  '/VolumeDriver.Get': {
    named: true,
    timeoutMs: 20_000,
    whenGone: 'cancel',
    run: ({ service, kept }, ask, call) =>
      kept.of('get', ask.name, call, async (o) => {
        const volume = wireVolume(await service.get(ask.name, o));
        return { text: json({ Volume: volume, Err: '' }), whole: true };
      }),
  },
  '/VolumeDriver.List': {
    named: false,
    timeoutMs: 55_000,
    whenGone: 'cancel',
    run: ({ service, logger, listMs, kept }, _ask, call) =>
      kept.of('list', '', call, async (o) => {
        const { volumes, whole } = await listVolumes({ service, logger, listMs, call: o });
        return { text: json({ Volumes: volumes, Err: '' }), whole };
      }),
  },
};

/**
 * What the driver says is certain only once its storage was reached. While it is away the call fails, because engines
 * keep an answer for as long as they run, and ask again after an error.
 */
async function scopeOf({ service, scope }: Room, call: CallOptions): Promise<'local' | 'global'> {
  if (scope !== 'auto') return scope;
  await within(call.timeoutMs ?? 10_000, call.signal, (signal) => service.holders.list({ ...call, signal }));
  return service.traits.scope;
}

/** The verb is switched off by this call's key, and nothing was done. */
export const isDisabled = (row: CallRow, e: unknown): e is VolumeError<'denied'> =>
  row.disabledBy !== undefined && isVolumeError(e, 'denied') && e.details.rule === row.disabledBy;
