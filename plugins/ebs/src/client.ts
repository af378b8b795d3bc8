import { type ActionCount, Buckets } from './buckets.ts';
import type { Clock, Patience } from './clock.ts';
import type { Action, Ec2, Input, Mutating, Output, Reading } from './ec2.ts';
import { isThrottle, isUnknown } from './errors.ts';

const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 5_000;

/** Calls EC2 at a rate that it takes, and again where that is safe. */
export class Client {
  readonly clock: Clock;
  readonly #ec2: Ec2;
  readonly #buckets: Buckets;
  readonly #retries: number;

  constructor(ec2: Ec2, clock: Clock, retries: number) {
    this.#ec2 = ec2;
    this.clock = clock;
    this.#retries = retries;
    this.#buckets = new Buckets(clock);
  }

  /** Reading changes nothing: repeated for any passing reason. */
  read<A extends Reading>(action: A, input: Input<A>, p: Patience): Promise<Output<A>> {
    return this.#call(action, input, p, true);
  }

  /**
   * A refusal for its rate was not done, and is repeated. A lost reply is repeated only where doing it twice is doing it
   * once (`idempotent`); otherwise it is thrown, and the verb reads back what became of it (S13).
   */
  mutate<A extends Mutating>(
    action: A,
    input: Input<A>,
    p: Patience,
    o: { readonly idempotent?: boolean } = {},
  ): Promise<Output<A>> {
    return this.#call(action, input, p, o.idempotent === true);
  }

  counts(): Readonly<Record<Action, Readonly<ActionCount>>> {
    return this.#buckets.counts();
  }

  close(): void {
    this.#ec2.close();
  }

  async #call<A extends Action>(action: A, input: Input<A>, p: Patience, again: boolean): Promise<Output<A>> {
    for (let attempt = 0; ; attempt++) {
      await this.#buckets.take(action, p);
      try {
        return await this.#send(action, input, p);
      } catch (e) {
        if (p.signal.aborted) throw p.signal.reason;
        const throttled = isThrottle(e);
        if (throttled) this.#buckets.refused(action);
        const passing = throttled || (again && isUnknown(e));
        if (!passing || attempt >= this.#retries) throw e;
        const wait = this.#backoff(attempt);
        if (p.deadline - this.clock.now() < wait) throw e;
        await this.clock.sleep(wait, p.signal);
      }
    }
  }

  async #send<A extends Action>(action: A, input: Input<A>, p: Patience): Promise<Output<A>> {
    try {
      return await this.#ec2.send(action, input, p.signal);
    } finally {
      this.#buckets.replied(action);
    }
  }

  #backoff(attempt: number): number {
    return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt) * (0.5 + this.clock.random() / 2);
  }
}
