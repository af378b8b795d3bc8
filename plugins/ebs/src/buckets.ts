import { VolumeError } from '@rexray/core';
import type { Clock, Patience } from './clock.ts';
import { ACTIONS, type Action } from './ec2.ts';

/** Tokens a bucket holds, and how many come back each second. */
export interface Rate {
  readonly capacity: number;
  readonly perSecond: number;
}

/**
 * AWS's documented default buckets, one for each action, account and region. Source: Amazon EC2 Developer Guide, "Request
 * throttling for the Amazon EC2 API", rows "Non-mutating actions" and "Mutating actions". Some actions have larger ones of
 * their own; the row of their category is the smaller, so it is safe for all.
 */
export const AWS_DEFAULTS: Readonly<Record<'reading' | 'mutating', Rate>> = {
  reading: { capacity: 100, perSecond: 20 },
  mutating: { capacity: 50, perSecond: 5 },
};
/** Requests sent evenly arrive unevenly: so many tokens are never spent, which covers a second of network jitter. */
const SPARE = 5;

export const isReading = (a: Action): boolean => a.startsWith('Describe');

export interface ActionCount {
  /** Attempts that were sent. */
  calls: number;
  /** Of them, refused for their rate. */
  throttled: number;
  /** Milliseconds that calls waited for a token, together. */
  waitedMs: number;
}

interface Ticket {
  readonly grant: () => void;
  readonly since: number;
}

/** First come, first served; the rate halves when EC2 refuses, and comes back by a twentieth each second. */
class Bucket {
  readonly #clock: Clock;
  readonly #full: Rate;
  readonly #queue: Ticket[] = [];
  #tokens: number;
  #rate: number;
  #at: number;
  #pumping = false;
  readonly count: ActionCount = { calls: 0, throttled: 0, waitedMs: 0 };

  constructor(clock: Clock, full: Rate) {
    this.#clock = clock;
    this.#full = full;
    this.#tokens = full.capacity;
    this.#rate = full.perSecond;
    this.#at = clock.now();
  }

  async take(action: Action, p: Patience): Promise<void> {
    p.signal.throwIfAborted();
    this.#refill();
    const since = this.#clock.now();
    const wait = ((this.#queue.length + 1 - this.#tokens) / this.#rate) * 1000;
    if (wait > p.deadline - since) throw tooMany(action, wait);
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => {
        this.#queue.splice(this.#queue.indexOf(ticket), 1);
        reject(p.signal.reason);
      };
      const grant = (): void => {
        p.signal.removeEventListener('abort', onAbort);
        resolve();
      };
      const ticket: Ticket = { grant, since };
      p.signal.addEventListener('abort', onAbort, { once: true });
      this.#queue.push(ticket);
      if (!this.#pumping) void this.#pump();
    });
    this.count.calls += 1;
    this.count.waitedMs += this.#clock.now() - since;
  }

  refused(): void {
    this.#refill();
    this.count.throttled += 1;
    this.#rate = Math.max(this.#full.perSecond / 20, this.#rate / 2);
    this.#tokens = Math.min(this.#tokens, 0);
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    while (this.#queue.length > 0) {
      this.#refill();
      // A hair below one is one: waiting for the rounding error would never end.
      if (this.#tokens > 0.999) {
        this.#tokens -= 1;
        this.#queue.shift()?.grant();
      } else await this.#clock.sleep(Math.max(1, ((1 - this.#tokens) / this.#rate) * 1000));
    }
    this.#pumping = false;
  }

  #refill(): void {
    const now = this.#clock.now();
    const seconds = (now - this.#at) / 1000;
    this.#at = now;
    this.#tokens = Math.min(this.#full.capacity, this.#tokens + seconds * this.#rate);
    this.#rate = Math.min(this.#full.perSecond, this.#rate + (seconds * this.#full.perSecond) / 20);
  }
}

const tooMany = (action: Action, ms: number): VolumeError<'busy'> =>
  new VolumeError(
    'busy',
    `${action} would have to wait ${(ms / 1000).toFixed(1)} s for its turn: EC2 bounds its rate.`,
    {
      details: { op: action, retryAfterMs: Math.ceil(ms) },
      hint: 'Try again later, or with a longer timeout. AWS raises the limits of an account on request.',
    },
  );

/** One bucket for each action. */
export class Buckets {
  readonly #of = new Map<Action, Bucket>();

  constructor(clock: Clock) {
    for (const a of ACTIONS) {
      const { capacity, perSecond } = AWS_DEFAULTS[isReading(a) ? 'reading' : 'mutating'];
      this.#of.set(a, new Bucket(clock, { capacity: capacity - SPARE, perSecond }));
    }
  }

  /** @throws VolumeError `busy` at once when the turn would come after the deadline */
  take(action: Action, p: Patience): Promise<void> {
    return this.#bucket(action).take(action, p);
  }
  refused(action: Action): void {
    this.#bucket(action).refused();
  }
  counts(): Readonly<Record<Action, Readonly<ActionCount>>> {
    return Object.fromEntries([...this.#of].map(([a, b]) => [a, { ...b.count }])) as Record<Action, ActionCount>;
  }

  #bucket(action: Action): Bucket {
    const b = this.#of.get(action);
    if (b === undefined) throw new TypeError(`no bucket for ${action}`);
    return b;
  }
}
