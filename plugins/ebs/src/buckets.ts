import { VolumeError } from '@rexray/core';
import type { Clock, Patience } from './clock.ts';
import { ACTIONS, type Action } from './ec2.ts';

/** Tokens a bucket holds, and how many come back each second. */
export interface Rate {
  readonly capacity: number;
  readonly perSecond: number;
}

const READING: Rate = { capacity: 100, perSecond: 20 };
/** A question by id has neither filter nor page: these three then draw on a smaller bucket, which is safe for all of theirs. */
const UNFILTERED: Rate = { capacity: 50, perSecond: 10 };
const MUTATING: Rate = { capacity: 50, perSecond: 5 };
const LARGER: Rate = { capacity: 100, perSecond: 5 };
const TAGGING: Rate = { capacity: 100, perSecond: 10 };

/**
 * The default buckets that AWS documents, one for each action, account and region. Source:
 * https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html, "Request token bucket sizes and refill rates": rows
 * "Non-mutating", "Unfiltered and unpaginated non-mutating", "Mutating", and the actions that have a row of their own. Amazon
 * does not publish what an account really has; it can be raised on request.
 */
export const AWS_DEFAULTS: Readonly<Record<Action, Rate>> = {
  AttachVolume: MUTATING,
  CopySnapshot: MUTATING,
  CreateSnapshot: LARGER,
  CreateTags: TAGGING,
  CreateVolume: LARGER,
  DeleteSnapshot: LARGER,
  DeleteTags: TAGGING,
  DeleteVolume: LARGER,
  DescribeInstanceTypes: READING,
  DescribeInstances: UNFILTERED,
  DescribeSnapshots: UNFILTERED,
  DescribeVolumes: UNFILTERED,
  DescribeVolumesModifications: READING,
  DetachVolume: MUTATING,
  ModifyVolume: MUTATING,
};
/** One token is never spent: clocks of two machines do not run alike. */
const SPARE = 1;

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

/**
 * First come, first served; the rate halves when EC2 refuses, and comes back by a twentieth each second.
 *
 * Counted is what EC2's bucket may lack at most. A request arrives somewhere between its sending and its reply, and a full
 * bucket gets no tokens meanwhile: so what is under way lacks from the beginning, and comes back only from the reply on. However
 * unevenly the network delivers, EC2's bucket holds at least what this one does.
 */
class Bucket {
  readonly #clock: Clock;
  readonly #full: Rate;
  readonly #queue: Ticket[] = [];
  /** Tokens that come back at the rate. */
  #spent = 0;
  #underWay = 0;
  #rate: number;
  #at: number;
  #pumping = false;
  readonly count: ActionCount = { calls: 0, throttled: 0, waitedMs: 0 };

  constructor(clock: Clock, full: Rate) {
    this.#clock = clock;
    this.#full = full;
    this.#rate = full.perSecond;
    this.#at = clock.now();
  }

  async take(action: Action, p: Patience): Promise<void> {
    p.signal.throwIfAborted();
    this.#refill();
    const since = this.#clock.now();
    const wait = ((this.#queue.length + 1 - this.#tokens()) / this.#rate) * 1000;
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

  replied(): void {
    this.#refill();
    this.#underWay -= 1;
    this.#spent += 1;
  }

  refused(): void {
    this.#refill();
    this.count.throttled += 1;
    this.#rate = Math.max(this.#full.perSecond / 20, this.#rate / 2);
    this.#spent = Math.max(this.#spent, this.#full.capacity - this.#underWay);
  }

  #tokens(): number {
    return this.#full.capacity - SPARE - this.#underWay - this.#spent;
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    while (this.#queue.length > 0) {
      this.#refill();
      // A hair below one is one: waiting for the rounding error would never end.
      if (this.#tokens() > 0.999) {
        this.#underWay += 1;
        this.#queue.shift()?.grant();
      } else await this.#clock.sleep(Math.max(1, ((1 - this.#tokens()) / this.#rate) * 1000));
    }
    this.#pumping = false;
  }

  #refill(): void {
    const now = this.#clock.now();
    const seconds = (now - this.#at) / 1000;
    this.#at = now;
    this.#spent = Math.max(0, this.#spent - seconds * this.#rate);
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
      this.#of.set(a, new Bucket(clock, AWS_DEFAULTS[a]));
    }
  }

  /**
   * Waits for the turn of one call; {@link Buckets.replied} must follow, whatever becomes of the call.
   * @throws VolumeError `busy` at once when the turn would come after the deadline
   */
  take(action: Action, p: Patience): Promise<void> {
    return this.#bucket(action).take(action, p);
  }
  /** The call is over. */
  replied(action: Action): void {
    this.#bucket(action).replied();
  }
  /** EC2 refused it for its rate. */
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
