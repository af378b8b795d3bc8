import { describe, expect, it } from 'vitest';
import { Batcher } from '../src/batch.ts';
import { AWS_DEFAULTS, Buckets } from '../src/buckets.ts';
import { realClock } from '../src/clock.ts';
import { isolated } from '../src/isolate.ts';
import { Ec2Error } from './ec2/model.ts';
import { faultServer } from './ec2/server.ts';
import { specOf } from './life.ts';
import { VirtualClock } from './virtual-clock.ts';
import { ctxOf, nodeOn } from './world.ts';

const signal = new AbortController().signal;

describe('shared reads', () => {
  it('600 questions at once are two calls of at most 500', async () => {
    const clock = new VirtualClock();
    const sizes: number[] = [];
    const b = new Batcher<string>({
      clock,
      size: 500,
      pace: { windowMs: 10, burst: 1, spacingMs: 500 },
      fetch: async (keys) => {
        sizes.push(keys.length);
        return new Map(keys.map((k) => [k, k]));
      },
    });
    await clock.run(Promise.all(Array.from({ length: 600 }, (_, i) => b.get(`k${i}`, { signal }))));
    expect(sizes).toEqual([500, 100]);
  });

  it('one unknown id does not fail the others, named by EC2 or not', async () => {
    for (const named of [true, false]) {
      const ask = async (ids: readonly string[]): Promise<readonly string[]> => {
        const bad = ids.filter((id) => id.endsWith('bad'));
        if (bad.length > 0)
          throw new Ec2Error('InvalidVolume.NotFound', named ? `The volumes '${bad.join(', ')}'` : 'some volumes');
        return ids;
      };
      const found = await isolated(['vol-a', 'vol-bbad', 'vol-c', 'vol-cbad'], {
        absent: ['InvalidVolume.NotFound'],
        pattern: /vol-[a-z]+/g,
        ask,
      });
      expect(found).toEqual(['vol-a', 'vol-c']);
    }
  });

  it('20 volumes read at once over the wire are one DescribeVolumes', async () => {
    const server = await faultServer({ clock: realClock });
    const d = await nodeOn(server);
    try {
      const made = await Promise.all(Array.from({ length: 20 }, (_, i) => d.create(`v${i}`, specOf(), ctxOf())));
      const before = server.model.calls.DescribeVolumes ?? 0;
      await Promise.all(made.map((v) => d.get(v.id, ctxOf())));
      expect((server.model.calls.DescribeVolumes ?? 0) - before).toBe(1);
    } finally {
      await d.close();
      await server.close();
    }
  });
});

describe('the token bucket', () => {
  it('holds AWS’s default bucket however late each request arrives: none is refused', async () => {
    const clock = new VirtualClock(7);
    const buckets = new Buckets(clock);
    const { capacity, perSecond } = AWS_DEFAULTS.AttachVolume;
    let [tokens, at, least] = [capacity, 0, capacity];
    const arrives = (): void => {
      tokens = Math.min(capacity, tokens + ((clock.now() - at) / 1000) * perSecond) - 1;
      at = clock.now();
      least = Math.min(least, tokens);
    };
    const p = { signal, deadline: 1e9 };
    await clock.run(
      Promise.all(
        Array.from({ length: 400 }, async (_, i) => {
          // Some at once, some after a pause in which everything fills up again.
          if (i >= 200) await clock.sleep(120_000);
          await buckets.take('AttachVolume', p);
          await clock.sleep(clock.random() * 6_000);
          arrives();
          await clock.sleep(clock.random() * 1_000);
          buckets.replied('AttachVolume');
        }),
      ),
    );
    expect(least).toBeGreaterThanOrEqual(0);
    // 400 calls, two full buckets: not slower than the rate allows, but for what is under way.
    expect(clock.now()).toBeLessThan(120_000 + ((200 - capacity) / perSecond) * 1000 + 10_000);
  });

  it('halves its rate when EC2 refuses, and comes back', async () => {
    const clock = new VirtualClock();
    const buckets = new Buckets(clock);
    const p = { signal, deadline: 1e9 };
    buckets.refused('AttachVolume');
    await clock.run(buckets.take('AttachVolume', p));
    expect(clock.now()).toBeGreaterThan(300);
    expect(buckets.counts().AttachVolume).toMatchObject({ calls: 1, throttled: 1 });
  });

  it('a turn that would come after the deadline is refused at once', async () => {
    const clock = new VirtualClock();
    const buckets = new Buckets(clock);
    const far = { signal, deadline: 1e9 };
    await clock.run(Promise.all(Array.from({ length: 99 }, () => buckets.take('DeleteVolume', far))));
    await expect(buckets.take('DeleteVolume', { signal, deadline: clock.now() + 100 })).rejects.toMatchObject({
      code: 'busy',
    });
  });
});
