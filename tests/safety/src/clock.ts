/**
 * Simulated time for code that waits by timers: when nothing can go on without a timer, the next one is due at once. A
 * call that hangs for its deadline then costs microseconds.
 */
interface Timer {
  readonly at: number;
  readonly seq: number;
  readonly run: () => void;
  every?: number;
  gone: boolean;
}

const REAL = {
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
  now: performance.now.bind(performance),
  date: Date.now,
};

class Handle {
  readonly timer: Timer;
  constructor(timer: Timer) {
    this.timer = timer;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
  hasRef(): boolean {
    return true;
  }
}

/** Binary heap by time, then by order of creation. */
class Heap {
  readonly #a: Timer[] = [];
  push(t: Timer): void {
    const a = this.#a;
    let i = a.push(t) - 1;
    for (let up = (i - 1) >> 1; i > 0 && less(t, a[up] as Timer); up = (i - 1) >> 1) {
      a[i] = a[up] as Timer;
      i = up;
    }
    a[i] = t;
  }
  pop(): Timer | undefined {
    const a = this.#a;
    const top = a[0];
    const last = a.pop();
    if (last === undefined || a.length === 0) return top;
    let i = 0;
    for (;;) {
      let down = 2 * i + 1;
      if (down >= a.length) break;
      if (down + 1 < a.length && less(a[down + 1] as Timer, a[down] as Timer)) down++;
      if (!less(a[down] as Timer, last)) break;
      a[i] = a[down] as Timer;
      i = down;
    }
    a[i] = last;
    return top;
  }
}
const less = (a: Timer, b: Timer): boolean => a.at < b.at || (a.at === b.at && a.seq < b.seq);

/** Turns of the event loop in which nothing may happen before time passes: promises that cross it go first. */
const QUIET_TURNS = 2;

/** Puts simulated time in the place of the real one. @returns what ends it */
export function simulateTime(): () => void {
  let heap = new Heap();
  let [now, seq, live, on] = [REAL.now(), 0, 0, true];
  const start = { now, date: REAL.date() };
  const add = (f: (...a: unknown[]) => void, ms: unknown, args: unknown[], every: boolean): Handle => {
    const wait = Math.max(1, Number(ms) || 0);
    const t: Timer = { at: now + wait, seq: seq++, run: () => f(...args), gone: false, ...(every && { every: wait }) };
    heap.push(t);
    live++;
    return new Handle(t);
  };
  const clear = (h: unknown): void => {
    if (h instanceof Handle) {
      if (!h.timer.gone) live--;
      h.timer.gone = true;
    } else REAL.clearTimeout(h as NodeJS.Timeout);
  };
  const fire = (): void => {
    let t = heap.pop();
    while (t?.gone === true) t = heap.pop();
    if (t === undefined) return;
    now = Math.max(now, t.at);
    if (t.every === undefined) {
      t.gone = true;
      live--;
    } else heap.push(Object.assign(t, { at: now + t.every, seq: seq++ }));
    t.run();
  };
  let quiet = 0;
  const turn = (): void => {
    if (!on) return;
    if (live > 0 && ++quiet > QUIET_TURNS) {
      quiet = 0;
      fire();
    }
    setImmediate(turn);
  };
  Object.assign(globalThis, {
    setTimeout: (f: () => void, ms?: number, ...a: unknown[]) => add(f, ms, a, false),
    setInterval: (f: () => void, ms?: number, ...a: unknown[]) => add(f, ms, a, true),
    clearTimeout: clear,
    clearInterval: clear,
  });
  performance.now = () => now;
  Date.now = () => start.date + (now - start.now);
  setImmediate(turn);
  return () => {
    on = false;
    heap = new Heap();
    const { setTimeout, clearTimeout, setInterval, clearInterval } = REAL;
    Object.assign(globalThis, { setTimeout, clearTimeout, setInterval, clearInterval });
    performance.now = REAL.now;
    Date.now = REAL.date;
  };
}
