import { type Integration, isVolumeError } from '@rexray/core';

export interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** What is wrong, and what to do. */
  readonly detail?: string;
}

/** A storage is asked this often at most, and waited for no longer than that, in ms. */
const FRESH_MS = 10_000;
const LOOK_MS = 2_000;

/** Whether each service answers: a page of one volume is asked of it. */
export class Readiness {
  readonly #seen = new Map<string, { readonly at: number; readonly check: Promise<Check> }>();

  checks(services: readonly Integration[]): Promise<readonly Check[]> {
    return Promise.all(services.map((it) => this.#check(it)));
  }

  #check(it: Integration): Promise<Check> {
    const known = this.#seen.get(it.service);
    if (known !== undefined && performance.now() - known.at < FRESH_MS) return known.check;
    const check = asked(it);
    this.#seen.set(it.service, { at: performance.now(), check });
    return check;
  }
}

async function asked(it: Integration): Promise<Check> {
  const name = `service ${it.service}`;
  try {
    await it.list({ limit: 1, timeoutMs: LOOK_MS });
    return { name, ok: true };
  } catch (e) {
    const said = isVolumeError(e) ? `${e.code}: ${e.message}${e.hint === undefined ? '' : ` ${e.hint}`}` : String(e);
    return { name, ok: false, detail: said };
  }
}
