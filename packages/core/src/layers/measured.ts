import { isVolumeError } from '../errors.ts';
import type { EventBus } from '../events.ts';
import type { Call, Layer } from '../layered.ts';

/** Tells of every call that reaches a driver, each try for itself. Stands inside whatever tries again. */
export function measured(o: { readonly service: string; readonly events: Pick<EventBus, 'emit'> }): Layer {
  const tries = new WeakMap<Call, number>();
  return async (call, next) => {
    const attempt = (tries.get(call) ?? 0) + 1;
    tries.set(call, attempt);
    const start = performance.now();
    const about = { service: o.service, op: call.op, requestId: call.ctx.requestId, attempt };
    const said = (code?: string): void =>
      o.events.emit('driver.call', {
        ...about,
        at: new Date().toISOString(),
        ms: performance.now() - start,
        ...(code !== undefined && { code }),
      });
    try {
      const result = await next(call);
      said();
      return result;
    } catch (e) {
      said(isVolumeError(e) ? e.code : 'internal');
      throw e;
    }
  };
}
