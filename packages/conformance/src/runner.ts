/** What a running test can say about itself; the first argument that vitest and node:test hand to a test. */
export interface TestContext {
  skip?(reason?: string): void;
}

/** The two functions of a test runner that the suites need: vitest, node:test, Deno's std/testing/bdd and others have them. */
export interface Runner {
  describe(name: string, body: () => void): void;
  it(name: string, body: (t?: TestContext) => Promise<void>): void;
}

/** How one rule of a suite ended. */
export interface Outcome {
  /** Name of the rule, e.g. `storage/create-idempotent`. */
  readonly rule: string;
  readonly status: 'passed' | 'failed' | 'skipped';
  /** Why it was skipped. */
  readonly reason?: string;
  readonly error?: unknown;
  readonly ms: number;
}

/** Stops a rule that does not apply here. */
export class NotApplicable extends Error {
  readonly reason: string;
  constructor(reason: string) {
    super(reason);
    this.reason = reason;
  }
}

/** Stops a rule: it does not apply, for this reason. */
export function skip(reason: string): never {
  throw new NotApplicable(reason);
}

/** What a rule builds on is another rule's business: where that does not hold, this one cannot be judged. */
export function premise(holds: boolean, rule: string): asserts holds {
  if (!holds) skip(`not judged, because ${rule} does not hold`);
}

/**
 * A runner that runs nothing until told: for a report without a test runner, and for tests of the suites themselves.
 * @returns the runner, and `run`, which runs what was registered, one after the other, and never throws
 */
export function collectingRunner(): { readonly runner: Runner; run(): Promise<readonly Outcome[]> } {
  const tests: { name: string; body: (t?: TestContext) => Promise<void> }[] = [];
  return {
    runner: { describe: (_, body) => body(), it: (name, body) => void tests.push({ name, body }) },
    async run() {
      const outcomes: Outcome[] = [];
      for (const t of tests) outcomes.push(await runOne(t.name.split(':')[0] ?? t.name, t.body));
      return outcomes;
    },
  };
}

async function runOne(rule: string, body: (t?: TestContext) => Promise<void>): Promise<Outcome> {
  const began = performance.now();
  let reason: string | undefined;
  const ms = (): number => performance.now() - began;
  try {
    await body({
      skip: (why = '') => {
        reason = why;
      },
    });
    return reason === undefined ? { rule, status: 'passed', ms: ms() } : { rule, status: 'skipped', reason, ms: ms() };
  } catch (error) {
    return { rule, status: 'failed', error, ms: ms() };
  }
}

/** Registers one rule: opens its world, runs it, closes the world also when it failed, and turns {@link NotApplicable} into a skip with its reason. */
export function register<W extends { close(): Promise<void> }>(
  runner: Runner,
  rule: { readonly id: string; readonly says: string },
  o: {
    readonly skip: Readonly<Record<string, string>> | undefined;
    open(): Promise<W>;
    run(world: W): Promise<void>;
  },
): void {
  runner.it(`${rule.id}: ${rule.says}`, async (t) => {
    const report = (reason: string): void => {
      if (t?.skip === undefined) console.log(`skipped ${rule.id}: ${reason}`);
      else t.skip(reason);
    };
    const written = o.skip?.[rule.id];
    if (written !== undefined) return report(written);
    const world = await o.open();
    let reason: string | undefined;
    try {
      await o.run(world);
    } catch (e) {
      if (!(e instanceof NotApplicable)) throw e;
      reason = e.reason;
    } finally {
      await world.close();
    }
    if (reason !== undefined) report(reason);
  });
}
