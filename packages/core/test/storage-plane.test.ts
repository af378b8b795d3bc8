import { describe, expect, it } from 'vitest';
import { type Ctx, isVolumeError, limited } from '../src/index.ts';

const ctxOf = (signal: AbortSignal): Ctx => ({
  signal,
  deadline: performance.now() + 5000,
  requestId: 'test',
  progress: () => {},
});
const live = ctxOf(new AbortController().signal);

describe('limited', () => {
  it('S13: does not make a call any more whose caller went away while it waited, and hands its turn on', async () => {
    const layer = limited({ service: 's', concurrency: 1, queue: 8 });
    const made: string[] = [];
    let finish = (): void => {};
    const call = (op: string, ctx: Ctx, work: Promise<void> = Promise.resolve()): Promise<unknown> =>
      layer({ op, args: [], ctx }, async () => {
        made.push(op);
        await work;
        return op;
      });
    const first = call('first', live, new Promise<void>((resolve) => (finish = resolve)));
    const stop = new AbortController();
    const left = call('left', ctxOf(stop.signal));
    const last = call('last', live);
    stop.abort(new Error('went away'));
    await expect(left).rejects.toThrow('went away');
    finish();
    expect(await Promise.all([first, last])).toEqual(['first', 'last']);
    expect(made).toEqual(['first', 'last']);
    expect(await call('later', live)).toBe('later');
  });

  it('refuses beyond its queue', async () => {
    const layer = limited({ service: 's', concurrency: 1, queue: 0 });
    let finish = (): void => {};
    const first = layer({ op: 'a', args: [], ctx: live }, () => new Promise<void>((resolve) => (finish = resolve)));
    const e = await layer({ op: 'b', args: [], ctx: live }, async () => {}).catch((x: unknown) => x);
    expect(isVolumeError(e, 'busy')).toBe(true);
    finish();
    await first;
  });
});
