import type { EventName } from '@rexray/core';

/** Every event, by name; the compiler sees to it that none is missing. `false`: delivered live only, never replayed. */
const REPLAYED: Readonly<Record<EventName, boolean>> = {
  'op.started': true,
  'op.done': true,
  'op.step': false,
  'op.progress': false,
  'volume.created': true,
  'volume.removed': true,
  'volume.mounted': true,
  'volume.unmounted': true,
  'volume.expanded': true,
  'volume.lost': true,
  'volume.release-asked': true,
  'snapshot.created': true,
  'snapshot.removed': true,
  'driver.call': false,
  'lock.wait': false,
  warning: true,
};
export const EVENT_NAMES = Object.keys(REPLAYED) as readonly EventName[];
export const isReplayed = (name: EventName): boolean => REPLAYED[name];
export const isEventName = (x: string): x is EventName => Object.hasOwn(REPLAYED, x);
