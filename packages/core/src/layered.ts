import type { Op } from './api.ts';
import type { Ctx } from './context.ts';

/** One call of one verb on its way through the layers. `scope` is filled by outer layers for inner ones. */
export interface Call<O extends string = string> {
  readonly op: O;
  readonly args: readonly unknown[];
  readonly ctx: Ctx;
  /** Filled by an outer layer for the inner ones (the locked sessions of a volume verb). */
  readonly scope?: unknown;
}
export type Next = (call: Call) => Promise<unknown>;
/** A policy around verbs: whether, how often, for whom. Answers, calls `next` once or more, or throws. */
export type Layer = (call: Call, next: Next) => Promise<unknown>;

export type VolumeLayer = (call: Call<Op>, next: Next) => Promise<unknown>;

/** Layers around one function that performs any verb; the first is the outermost. */
export function compose(layers: readonly Layer[], innermost: Next): Next {
  return layers.reduceRight<Next>((next, layer) => (call) => layer(call, next), innermost);
}
