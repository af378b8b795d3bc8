import { describe, expect, it } from 'vitest';
import { EventBus, type Events } from '../src/index.ts';

const about = (volume: string): Events['volume.created'] => ({
  service: 's',
  volume,
  requestId: 'r',
  at: '2026-01-01T00:00:00Z',
});
const take = async <T>(from: AsyncIterable<T>, n: number): Promise<T[]> => {
  const out: T[] = [];
  for await (const x of from) if (out.push(x) === n) break;
  return out;
};

describe('events', () => {
  it('reach their listeners until these are disposed, each by itself', () => {
    const bus = new EventBus();
    const seen: string[] = [];
    const listener = (x: Events['volume.created']): void => void seen.push(x.volume);
    const one = bus.on('volume.created', listener);
    const two = bus.on('volume.created', listener);
    bus.emit('volume.created', about('a'));
    one[Symbol.dispose]();
    one[Symbol.dispose]();
    bus.emit('volume.created', about('b'));
    two[Symbol.dispose]();
    bus.emit('volume.created', about('c'));
    bus.emit('volume.removed', about('d'));
    expect(seen).toEqual(['a', 'a', 'b']);
  });

  it('a listener that throws, or rejects, disturbs nobody', async () => {
    const bus = new EventBus();
    const seen: string[] = [];
    bus.on('volume.created', () => {
      throw new Error('a bug');
    });
    bus.on('volume.created', async () => {
      throw new Error('a later bug');
    });
    bus.on('volume.created', (x) => void seen.push(x.volume));
    bus.emit('volume.created', about('a'));
    await new Promise((r) => setTimeout(r, 5));
    expect(seen).toEqual(['a']);
  });

  it('may be disposed of by a listener while it is told', () => {
    const bus = new EventBus();
    const seen: string[] = [];
    const first = bus.on('volume.created', () => first[Symbol.dispose]());
    bus.on('volume.created', () => void seen.push('second'));
    bus.emit('volume.created', about('a'));
    bus.emit('volume.created', about('a'));
    expect(seen).toEqual(['second', 'second']);
  });

  it('a stream has what happened since the call, of its kinds, in order, with the type', async () => {
    const bus = new EventBus();
    const stream = bus.stream(['volume.created', 'volume.removed']);
    bus.emit('volume.created', about('a'));
    bus.emit('volume.mounted', { ...about('x'), holder: 'cli', path: '/x' });
    bus.emit('volume.removed', about('a'));
    const later = setTimeout(() => bus.emit('volume.created', about('b')), 5);
    expect((await take(stream, 3)).map((e) => `${e.type} ${e.volume}`)).toEqual([
      'volume.created a',
      'volume.removed a',
      'volume.created b',
    ]);
    clearTimeout(later);
  });

  it('a slow reader loses the oldest, not the newest, and no memory', async () => {
    const bus = new EventBus();
    const stream = bus.stream(['volume.created'], { buffer: 3 });
    for (let i = 0; i < 10; i++) bus.emit('volume.created', about(String(i)));
    expect((await take(stream, 3)).map((e) => e.volume)).toEqual(['7', '8', '9']);
  });

  it('ends with its signal, also while somebody waits, and by leaving the loop', async () => {
    const bus = new EventBus();
    const stop = new AbortController();
    const waiting = take(bus.stream(['volume.created'], { signal: stop.signal }), 5);
    await new Promise((r) => setTimeout(r, 2));
    stop.abort();
    expect(await waiting).toEqual([]);
    expect(await take(bus.stream(['volume.created'], { signal: stop.signal }), 1)).toEqual([]);
    const left = bus.stream(['volume.created'])[Symbol.asyncIterator]();
    bus.emit('volume.created', about('a'));
    expect(await left.next()).toMatchObject({ done: false });
    await left.return?.();
    bus.emit('volume.created', about('b'));
    expect(await left.next()).toEqual({ value: undefined, done: true });
  });
});
