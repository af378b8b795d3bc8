import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isVolumeError, type NodeStore, STATE_KEY_MAX } from '../src/index.ts';

/** What every {@link NodeStore} does; run on each implementation. `open` gives an empty one. */
export function storeContract(name: string, open: () => Promise<NodeStore>): void {
  describe(`${name}: contract of a node store`, () => {
    let store: NodeStore;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(() => store.close());

    it('reads what was committed; an absent key is undefined', async () => {
      expect(await store.get('a')).toBeUndefined();
      expect(await store.commit([{ put: 'a', value: { n: 1, list: [null, true, 'é🙂'] } }])).toBe(true);
      expect(await store.get('a')).toEqual({ n: 1, list: [null, true, 'é🙂'] });
      await store.commit([{ del: 'a' }, { del: 'never-there' }]);
      expect(await store.get('a')).toBeUndefined();
    });

    it('keeps what was committed, not the object', async () => {
      const value = { holders: { a: 1 } as Record<string, number> };
      await store.commit([{ put: 'v', value }]);
      value.holders.b = 2;
      const read = await store.get<typeof value>('v');
      expect(read).toEqual({ holders: { a: 1 } });
      if (read) read.holders.c = 3;
      expect(await store.get('v')).toEqual({ holders: { a: 1 } });
    });

    it('does operations in order: the last one on a key wins', async () => {
      await store.commit([{ put: 'k', value: 1 }, { put: 'k', value: 2 }, { put: 'l', value: 1 }, { del: 'l' }]);
      expect(await store.get('k')).toBe(2);
      expect(await store.get('l')).toBeUndefined();
    });

    it('lists by prefix, in the order of code points', async () => {
      const keys = [
        'holder/b',
        'holder/a',
        'holder/a/x',
        'holder',
        'holders',
        'intent/1',
        'holder/\u{1F642}',
        'holder/\uFFFD',
      ];
      await store.commit(keys.map((put) => ({ put, value: put })));
      expect((await store.list('holder/')).map(([k]) => k)).toEqual([
        'holder/a',
        'holder/a/x',
        'holder/b',
        'holder/\uFFFD',
        'holder/\u{1F642}',
      ]);
      expect((await store.list('intent/'))[0]).toEqual(['intent/1', 'intent/1']);
      expect(await store.list('none/')).toEqual([]);
      expect(await store.list('')).toHaveLength(keys.length);
    });

    it('compares before writing: a mismatch writes nothing and answers false', async () => {
      expect(await store.commit([{ put: 'a', value: 1 }], { expect: { a: undefined } })).toBe(true);
      expect(
        await store.commit(
          [
            { put: 'a', value: 2 },
            { put: 'b', value: 2 },
          ],
          { expect: { a: undefined } },
        ),
      ).toBe(false);
      expect(await store.get('a')).toBe(1);
      expect(await store.get('b')).toBeUndefined();
      await store.commit([{ put: 'o', value: { x: 1, y: [1, 2], gone: undefined } }]);
      expect(await store.commit([{ del: 'a' }], { expect: { o: { y: [1, 2], x: 1 }, a: 1, z: undefined } })).toBe(true);
      expect(await store.commit([], { expect: { o: { x: 1, y: [2, 1] } } })).toBe(false);
      expect(await store.commit([], { expect: { o: { x: 1, y: [1, 2], more: null } } })).toBe(false);
    });

    it('S5: of many that expect the same, exactly one wins', async () => {
      const won = await Promise.all(
        Array.from({ length: 50 }, (_, i) =>
          store.commit([{ put: 'owner', value: i }], { expect: { owner: undefined } }),
        ),
      );
      expect(won.filter(Boolean)).toHaveLength(1);
      expect(await store.get('owner')).toBe(won.indexOf(true));
    });

    it('counts up without losing one', async () => {
      await store.commit([{ put: 'n', value: 0 }]);
      const add = async (): Promise<void> => {
        for (;;) {
          const n = (await store.get<number>('n')) ?? 0;
          if (await store.commit([{ put: 'n', value: n + 1 }], { durable: false, expect: { n } })) return;
        }
      };
      await Promise.all(Array.from({ length: 20 }, add));
      expect(await store.get('n')).toBe(20);
    });

    it.each(['', 'a\0b', 'line\n', '\ud800', 'k'.repeat(STATE_KEY_MAX + 1)])('refuses the key %j', async (key) => {
      const refused = (e: unknown): boolean => isVolumeError(e, 'invalid');
      await expect(store.get(key)).rejects.toSatisfy(refused);
      await expect(store.commit([{ put: key, value: 1 }])).rejects.toSatisfy(refused);
      await expect(store.commit([{ del: key }])).rejects.toSatisfy(refused);
    });

    it('refuses what is not JSON, and writes nothing of that batch', async () => {
      const loop: Record<string, unknown> = {};
      loop.self = loop;
      for (const value of [undefined, () => 1, 1n, loop]) {
        await expect(
          store.commit([
            { put: 'ok', value: 1 },
            { put: 'x', value },
          ]),
        ).rejects.toSatisfy((e: unknown) => isVolumeError(e, 'invalid'));
      }
      expect(await store.get('ok')).toBeUndefined();
    });

    it('holds long values and long keys', async () => {
      const key = 'ü'.repeat(STATE_KEY_MAX);
      const value = 'x🙂'.repeat(40_000);
      await store.commit([{ put: key, value }]);
      expect(await store.get(key)).toBe(value);
      await store.commit([{ put: key, value: 1 }]);
      expect(await store.get(key)).toBe(1);
    });

    it('behaves like a map, whatever the commits', async () => {
      const key = fc.constantFrom('a', 'a/b', 'a/c', 'b', 'zz');
      const op = fc.oneof(fc.record({ put: key, value: fc.jsonValue() }), fc.record({ del: key }));
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(fc.array(op, { maxLength: 4 }), key, fc.boolean()), { maxLength: 6 }),
          async (commits) => {
            const s = await open();
            const model = new Map<string, unknown>();
            try {
              for (const [ops, compare, right] of commits) {
                const expected = right ? model.get(compare) : 'something else';
                expect(await s.commit(ops, { durable: false, expect: { [compare]: expected } })).toBe(right);
                if (!right) continue;
                for (const o of ops) {
                  if ('put' in o) model.set(o.put, JSON.parse(JSON.stringify(o.value)));
                  else model.delete(o.del);
                }
              }
              expect(await s.list('')).toEqual([...model].sort(([a], [b]) => (a < b ? -1 : 1)));
            } finally {
              await s.close();
            }
          },
        ),
        { numRuns: 25 },
      );
    });

    it('answers unavailable when it is closed', async () => {
      const s = await open();
      await s.commit([{ put: 'a', value: 1 }]);
      await s.close();
      await s.close();
      const closed = (e: unknown): boolean => isVolumeError(e, 'unavailable');
      await expect(s.get('a')).rejects.toSatisfy(closed);
      await expect(s.list('')).rejects.toSatisfy(closed);
      await expect(s.commit([])).rejects.toSatisfy(closed);
    });
  });
}
