/** Calls of one object by another process: plain JSON messages over any channel that keeps their order. */
import type { Progress } from '@rexray/core';

/**
 * Which methods an object has for the far side, and what each answers: `value` plain data; `last` plain data, and the
 * object is gone afterwards; a shape: an object that stays where it is, and is called in turn. A name with a dot is a
 * method of a part (`snapshots.list`).
 */
export interface Shape {
  readonly [method: string]: 'value' | 'last' | Shape;
}

/** What crosses of a context: the deadline as time left, since clocks differ between processes. */
export interface WireCtx {
  readonly ms: number;
  readonly requestId: string;
  readonly node?: string;
}

/** An object of the far side, by number; 0 is the one that is served. */
export interface ObjectRef {
  readonly object: number;
  /** Methods that it really has: presence is the capability. */
  readonly methods: readonly string[];
}

export type Message =
  | { readonly t: 'ready'; readonly root: ObjectRef; readonly facts?: unknown }
  | {
      readonly t: 'call';
      readonly id: number;
      readonly object: number;
      readonly method: string;
      readonly args: readonly unknown[];
      readonly ctx?: WireCtx;
    }
  /** `late`: because the deadline passed, not because the caller went away. */
  | { readonly t: 'cancel'; readonly id: number; readonly late: boolean }
  | { readonly t: 'progress'; readonly id: number; readonly progress: Progress }
  | { readonly t: 'value'; readonly id: number; readonly value?: unknown }
  | { readonly t: 'object'; readonly id: number; readonly ref: ObjectRef }
  | { readonly t: 'error'; readonly id: number; readonly error: unknown };

/** One end of a connection. */
export interface Channel {
  send(m: Message): void;
  /** Called once, before anything is sent. `onEnd`: the other side is gone. */
  listen(onMessage: (m: Message) => void, onEnd: () => void): void;
}
