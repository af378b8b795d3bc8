import { Cleanup } from '@rexray/rig';
import { audit } from '../src/after.ts';
import { bundle } from '../src/bundle.ts';
import type { How } from '../src/kill-main.ts';
import { openPlace } from '../src/open.ts';
import type { Scenario } from '../src/scenarios.ts';
import { Victims } from '../src/victim.ts';
import { copyOf, lanes, template } from './kills.ts';

/** A half-written scratch file looks like a whole one to everybody else: the driver's own suite kills there too. */
const inScratch = (point: string): boolean =>
  /^fs (open|mkdir|ftruncate|writeFile|write|chmod) (\.tmp\/|[0-9a-f]{16}-)/.test(point);

export interface Blow {
  readonly scenario: Scenario;
  readonly at: number;
  readonly how: How;
  readonly worker: boolean;
  /** A process that was open before it fell calls first, so that nobody has reconciled. */
  readonly elder: boolean;
  readonly what: string;
}

/** Kills embedded uses of REX-Ray, and counts. */
export class Matrix {
  readonly #cleanup = new Cleanup();
  readonly #lanes: number;
  #victims: Victims | undefined;
  #base = '';
  kills = 0;
  steps = 0;

  constructor(lanes: number) {
    this.#lanes = lanes;
  }

  async open(): Promise<void> {
    this.#base = `${this.#cleanup.tempDir('rexray-template-')}/home`;
    this.#victims = new Victims(this.#cleanup, await bundle(this.#cleanup, './kill-main.ts'), this.#lanes);
    await template(this.#base);
  }

  close(): Promise<void> {
    console.log(`kill matrix: ${this.steps} steps, ${this.kills} kills`);
    return this.#cleanup.run();
  }

  /** Every point of a verb, told. */
  async points(scenario: Scenario, worker: boolean): Promise<readonly string[]> {
    const found = await this.#strike({ scenario, at: -1, how: 'process', worker, elder: false, what: '' });
    this.steps += found.length;
    return found;
  }

  /** Every way of killing at each point; `stride` takes only some, others each time for each verb. */
  blows(scenario: Scenario, points: readonly string[], worker: boolean, stride = 1): readonly Blow[] {
    const all = points.flatMap((what, at) => {
      if (inScratch(what)) return [];
      const hows = waysOf(scenario, what, worker);
      return hows.map((how) => ({ scenario, at, how, worker, what }));
    });
    const first = scenario.name.length % stride;
    return all.filter((_b, i) => i % stride === first).map((b, i) => ({ ...b, elder: i % 2 === 1 }));
  }

  async fall(blows: readonly Blow[]): Promise<void> {
    await lanes(this.#lanes, blows, async (b) => {
      await this.#strike(b).catch((e: Error) => {
        throw new Error(`${e.message} (${b.what}${b.elder ? ', met by an elder process' : ''})`, { cause: e });
      });
      this.kills += 1;
    });
  }

  async #strike(b: Blow): Promise<readonly string[]> {
    const { scenario, at, how, worker } = b;
    const own = new Cleanup();
    const home = copyOf(own, this.#base);
    try {
      const elder = b.elder ? await openPlace({ home }) : undefined;
      const order = { home, scenario: scenario.name, at, how, ...(worker && { worker }) };
      const ended = await this.#victims?.run(order);
      if (at < 0 && ended?.told?.error !== undefined) throw new Error(`${scenario.name}: ${ended.told.error.message}`);
      if (elder !== undefined) {
        await (scenario.again ?? scenario.run)(elder.volumes);
        await elder.rex.close();
      }
      await audit(home, scenario, `${scenario.name}, ${worker ? 'worker' : how} at ${at}`);
      return ended?.told?.points ?? [];
    } finally {
      await own.run();
    }
  }
}

function waysOf(scenario: Scenario, what: string, worker: boolean): readonly How[] {
  if (worker) return ['process'];
  const family = scenario.freezes === true ? (['family'] as const) : [];
  if (!what.startsWith('child running')) return ['process', ...family];
  return ['process', 'process-later', 'child', 'child-later', ...family];
}
