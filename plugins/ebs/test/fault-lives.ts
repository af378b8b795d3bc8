import { realClock } from '../src/clock.ts';
import type { Action } from '../src/ec2.ts';
import { type Fault, KINDS } from './ec2/faults.ts';
import { faultServer } from './ec2/server.ts';
import { again, leftOver, wholeLife, wrongNow } from './life.ts';
import { instancesOn, nodeOn } from './world.ts';

const AT_ONCE = 16;

export interface LifeResult {
  readonly wrong: readonly string[];
  /** How often each action was called. */
  readonly calls: Readonly<Record<string, number>>;
  /** Faults that took place. */
  readonly met: number;
}

/** One whole life with some faults, on a server of its own. */
export async function lifeWith(faults: readonly Fault[], visibleAfterMs = 0): Promise<LifeResult> {
  const server = await faultServer({
    clock: realClock,
    visibleAfterMs,
    takes: { create: 5, attach: 5, detach: 5, snapshot: 5, modify: 5 },
  });
  const wrong = new Set<string>();
  server.watch = (when) => {
    if (when === 'after') for (const w of wrongNow(server.model)) wrong.add(w);
  };
  server.faults.plan(...faults);
  const driver = await again(() => nodeOn(server, { requestTimeout: '150ms' }));
  try {
    await wholeLife(driver, instancesOn(server));
    for (const l of leftOver(server.model)) wrong.add(l);
  } catch (e) {
    wrong.add(String(e));
  } finally {
    await driver.close();
    await server.close();
  }
  return { wrong: [...wrong], calls: server.model.calls, met: server.faults.met.length };
}

/** One life for each fault, some at once. */
export async function livesWith(
  faults: readonly Fault[],
  visibleAfterMs = 0,
): Promise<{ readonly bad: readonly string[]; readonly met: number }> {
  const bad: string[] = [];
  let met = 0;
  const queue = [...faults];
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let f = queue.shift(); f !== undefined; f = queue.shift()) {
        const r = await lifeWith([f], visibleAfterMs);
        met += r.met;
        if (r.wrong.length > 0) bad.push(`${f.action} #${f.nth} ${f.kind}: ${r.wrong.join('; ')}`);
      }
    }),
  );
  return { bad, met };
}

export const eachCall = (calls: LifeResult['calls'], actions: readonly Action[], kind: Fault['kind']): Fault[] =>
  actions.flatMap((action) => Array.from({ length: calls[action] ?? 0 }, (_, i) => ({ action, nth: i + 1, kind })));

export { KINDS };
