import type { Volume } from '@rexray/core';

export interface VolumeChoice {
  /** Where they are mounted is a column. */
  readonly path?: boolean;
  readonly attached?: boolean;
  readonly available?: boolean;
}

/** Volumes of a listing, by their name. */
export function chosen(all: readonly Volume[], o: VolumeChoice): readonly Volume[] {
  let some = all;
  if (o.attached === true) some = some.filter((v) => v.state === 'attached' || v.state === 'mounted');
  if (o.available === true) some = some.filter((v) => v.state === 'available');
  // Mostly the service has sorted them.
  for (let i = 1; i < some.length; i++)
    if ((some[i - 1]?.name ?? '') > (some[i]?.name ?? '')) return [...some].sort((a, b) => (a.name < b.name ? -1 : 1));
  return some;
}
