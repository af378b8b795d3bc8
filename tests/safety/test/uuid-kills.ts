import { Cleanup, NodeProcess } from '@rexray/rig';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundle } from '../src/bundle.ts';
import { dice } from '../src/damage.ts';

const SEED = Number(process.env.SAFETY_SEED ?? 1);

export interface Kills {
  /** At so many writes of each file system, chosen by the seed; absent: at every write. */
  readonly times?: number;
  /** Each with other second and third kills. */
  readonly rounds: number;
}

export function killUuidChanges({ times, rounds }: Kills): void {
  const cleanup = new Cleanup();
  let p: NodeProcess;
  beforeAll(async () => {
    const program = await bundle(cleanup, './uuid-main.ts');
    p = new NodeProcess(program.args[0] ?? '', { home: cleanup.tempDir('rexray-uuid-') });
    cleanup.add(() => p.kill());
  });
  afterAll(() => cleanup.run());

  it.each(['ext4', 'btrfs'] as const)(
    '%s: the first mount of a copy, killed, is finished by the next',
    { timeout: 3_600_000 },
    async (fsType) => {
      const roll = dice(SEED);
      await p.call('make', fsType);
      const writes = await p.call<number>('writes', fsType);
      expect(writes, 'writes are no longer seen').toBeGreaterThan(0);
      const order = Array.from({ length: writes }, (_, i) => ({ at: i + 1, by: roll(1 << 20) }));
      order.sort((a, b) => a.by - b.by);
      let kills = 0;
      for (const { at } of Array.from({ length: rounds }, () => order.slice(0, times)).flat()) {
        const [second, third] = [1 + roll(writes), 1 + roll(writes)];
        // btrfstune refuses a change while another is unfinished, then finishes that one, then changes.
        const plans = fsType === 'btrfs' ? [[at], [0, second], [0, 0, third]] : [[at], [second], [third]];
        const what = `${fsType}, ${JSON.stringify(plans)} of ${writes} writes, seed ${SEED}`;
        kills += await p.call<number>('fall', fsType, plans).catch((e: unknown) => {
          throw new Error(`${what}: ${String(e)}`, { cause: e });
        });
      }
      expect(await p.call('settle', fsType)).toEqual([]);
      console.log(
        `uuid kills, ${fsType}: ${Math.min(times ?? writes, writes)} of ${writes} writes, ${rounds} times, ${kills} kills`,
      );
    },
  );
}
