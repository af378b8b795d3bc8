import type { Action } from '../../src/ec2.ts';

/** What goes wrong with one call, and whether EC2 had done it by then. */
export const KINDS = ['error', 'drop', 'lost-reply', 'throttle', 'hang', 'hang-done'] as const;
export type Kind = (typeof KINDS)[number];

export interface Fault {
  readonly action: Action;
  /** The how-manieth call of that action, from 1. */
  readonly nth: number;
  readonly kind: Kind;
}

/** One-shot faults, by action and count. */
export class Faults {
  readonly #planned: Fault[] = [];
  readonly #seen = new Map<Action, number>();
  /** Faults that took place. */
  readonly met: Fault[] = [];
  /** Nothing is there: every connection is cut. */
  down = false;

  plan(...faults: Fault[]): void {
    this.#planned.push(...faults);
  }
  meet(action: Action): Kind | undefined {
    const nth = (this.#seen.get(action) ?? 0) + 1;
    this.#seen.set(action, nth);
    const fault = this.#planned.find((f) => f.action === action && f.nth === nth);
    if (fault !== undefined) this.met.push(fault);
    return fault?.kind;
  }
}
