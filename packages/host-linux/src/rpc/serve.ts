import { type Ctx, isVolumeError, VolumeError } from '@rexray/core';
import type { Channel, Message, ObjectRef, Shape, WireCtx } from './protocol.ts';

type Call = Extract<Message, { t: 'call' }>;
type Method = (...args: unknown[]) => unknown;

function methodOf(target: object, name: string): Method | undefined {
  let owner: unknown = target;
  let value: unknown = target;
  for (const part of name.split('.')) {
    owner = value;
    value = (owner as Record<string, unknown> | undefined)?.[part];
  }
  return typeof value === 'function' ? (...args) => (value as Method).apply(owner, args) : undefined;
}

/** A thrown value as plain data; what is no error of ours keeps its code and message for the classifier of the far side. */
function plainError(e: unknown): unknown {
  if (isVolumeError(e)) return e.toJSON();
  const { message, code, name } = (e ?? {}) as { message?: unknown; code?: unknown; name?: unknown };
  return { raw: true, message: typeof message === 'string' ? message : String(e), code, name };
}

/**
 * Serves an object: only methods of its shape can be called, each call with a context of its own that the far side may
 * cancel. Returns at once; ends when the channel does. @param o.facts plain data that is told with the greeting
 */
export function serve(
  channel: Channel,
  target: object,
  shape: Shape,
  o: { readonly facts?: unknown; readonly onEnd?: () => void } = {},
): void {
  const objects = new Map<number, { readonly target: object; readonly shape: Shape }>();
  const running = new Map<number, AbortController>();
  let next = 0;

  const add = (object: object, s: Shape): ObjectRef => {
    const number = next++;
    objects.set(number, { target: object, shape: s });
    return { object: number, methods: Object.keys(s).filter((name) => methodOf(object, name) !== undefined) };
  };

  const context = (call: Call, wire: WireCtx, controller: AbortController): Ctx => ({
    signal: controller.signal,
    deadline: performance.now() + wire.ms,
    requestId: wire.requestId,
    ...(wire.node !== undefined && { node: wire.node }),
    progress: (progress) => channel.send({ t: 'progress', id: call.id, progress }),
  });

  async function answer(call: Call): Promise<Message> {
    const { id } = call;
    const entry = objects.get(call.object);
    const kind = entry !== undefined && Object.hasOwn(entry.shape, call.method) ? entry.shape[call.method] : undefined;
    const method = entry === undefined || kind === undefined ? undefined : methodOf(entry.target, call.method);
    if (method === undefined) {
      const gone = new VolumeError('internal', `No method ${call.method} on object ${call.object}.`, { details: {} });
      return { t: 'error', id, error: gone.toJSON() };
    }
    const controller = new AbortController();
    running.set(id, controller);
    try {
      const args = call.ctx === undefined ? call.args : [...call.args, context(call, call.ctx, controller)];
      const value = await method(...args);
      if (kind === 'last') objects.delete(call.object);
      if (typeof kind === 'object') return { t: 'object', id, ref: add(value as object, kind) };
      return { t: 'value', id, value };
    } catch (e) {
      return { t: 'error', id, error: plainError(e) };
    } finally {
      running.delete(id);
    }
  }

  channel.listen(
    (m) => {
      if (m.t === 'call') void answer(m).then((reply) => channel.send(reply));
      else if (m.t === 'cancel')
        running.get(m.id)?.abort(m.late ? new DOMException('The deadline passed.', 'TimeoutError') : undefined);
    },
    () => o.onEnd?.(),
  );
  channel.send({ t: 'ready', root: add(target, shape), ...(o.facts !== undefined && { facts: o.facts }) });
}
