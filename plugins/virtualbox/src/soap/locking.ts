import { type Client, lastWords, left, NOTE, type Patience } from '../client.ts';
import { is, VboxError } from '../errors.ts';
import type { Maker } from '../maker.ts';
import { uninterrupted } from '../signals.ts';
import { backOff, pause } from '../waiting.ts';
import { isOnline } from './machines.ts';
import type { Session, Wire } from './session.ts';

const INTENT = `${NOTE}intent/`;

/** A lock that is held, as a later process needs it to give it back: kept with VirtualBox before the lock is taken (S12). */
interface Intent {
  readonly maker: string;
  readonly op: string;
  readonly disk: string;
  /** References of the logon and of the session object that holds the lock. */
  readonly vb: string;
  readonly session: string;
}

export interface Locked {
  /** The machine, mutable. */
  readonly machine: string;
  /** It runs: only what can be plugged while it runs may change. */
  readonly online: boolean;
  save(): Promise<void>;
}

interface Holding {
  /** Reference of the machine, immutable. */
  readonly machine: string;
  readonly id: string;
  readonly op: string;
  readonly disk: string;
}
type Body<T> = (l: Locked, p: Patience) => Promise<T>;
type Attempt<T> = { readonly value: T } | { readonly busy: VboxError };

interface Notes {
  readonly set: Client['setNote'];
  readonly get: Client['note'];
  readonly list: Client['notes'];
}

/** Locks of machines: taken with an intent, given back whatever happens, and taken up again from the dead. */
export class Locking {
  readonly #session: Session;
  readonly #notes: Notes;
  readonly #maker: Maker;

  constructor(session: Session, notes: Notes, maker: Maker) {
    this.#session = session;
    this.#notes = notes;
    this.#maker = maker;
  }

  /** Runs `body` under the lock of a machine; inside, nothing of the caller can stop it. @throws VboxError `locked` */
  async hold<T>(w: Wire, o: Holding, p: Patience, body: Body<T>): Promise<T> {
    const session = (await w.call('IWebsessionManager_getSessionObject', { refIVirtualBox: w.vb })).text();
    const name = `${INTENT}${o.id}/${session}`;
    const intent: Intent = { maker: this.#maker.token, op: o.op, disk: o.disk, vb: w.vb, session };
    await this.#notes.set(name, JSON.stringify(intent), p);
    try {
      for (let attempt = 0; ; attempt++) {
        p.signal.throwIfAborted();
        const done = await uninterrupted(() => this.#attempt(w, { ...o, session }, body));
        if ('value' in done) return done.value;
        if (attempt % 10 === 0 && (await this.recover(p, o.id)).length > 0) continue;
        const wait = backOff(attempt);
        if (left(p) <= wait + 50) throw await this.#busy(w, o.machine, done.busy);
        await pause(wait, p);
      }
    } finally {
      await this.#notes.set(name, undefined, lastWords()).catch(() => undefined);
      await w.call('IManagedObjectRef_release', { _this: session }, lastWords(5_000)).catch(() => undefined);
    }
  }

  /** Write where the machine is off, so that no two change it at once; shared where it runs, for it holds the lock itself. */
  async #attempt<T>(w: Wire, o: Holding & { readonly session: string }, body: Body<T>): Promise<Attempt<T>> {
    const online = await isOnline(w, o.machine);
    try {
      const args = { _this: o.machine, session: o.session, lockType: online ? 'Shared' : 'Write' };
      await w.call('IMachine_lockMachine', args);
    } catch (e) {
      // The answer is missing: whether we hold it is unknown, and giving back what we do not hold does no harm.
      if (is(e, 'late', 'unknown')) await unlock(w, o.session);
      if (!is(e, 'locked', 'state')) throw e;
      return { busy: e };
    }
    const own = lastWords();
    try {
      const machine = (await w.call('ISession_getMachine', { _this: o.session }, own)).text();
      const save = async (): Promise<void> => {
        await w.call('IMachine_saveSettings', { _this: machine }, own);
      };
      return { value: await body({ machine, online, save }, own) };
    } finally {
      await unlock(w, o.session);
    }
  }

  async #busy(w: Wire, machine: string, cause: VboxError): Promise<VboxError> {
    const own = lastWords(5_000);
    const ask = async (what: string): Promise<string> =>
      (await w.call(`IMachine_get${what}`, { _this: machine }, own).catch(() => undefined))?.text() ?? '';
    const [name, by] = [await ask('Name'), await ask('SessionName')];
    return new VboxError(
      'locked',
      `Machine "${name}" is locked by ${by === '' ? 'another program' : `"${by}"`}. Close its settings, or wait for what runs there; a lock whose program died ends when vboxwebsrv on the VirtualBox host is restarted`,
      { cause },
    );
  }

  /**
   * Takes up locks that dead processes of this node hold, of one machine or of all: what they changed is saved, for an attachment
   * that is not would leave the disk stuck, and the lock is given back.
   */
  async recover(p: Patience, machineId = ''): Promise<string[]> {
    const did: string[] = [];
    const names = (await this.#notes.list(p)).filter((n) => n.startsWith(`${INTENT}${machineId}`));
    for (const name of names) {
      const intent = read(await this.#notes.get(name, p));
      if (intent === undefined || !this.#maker.isDead(intent.maker)) continue;
      const which = `machine ${name.split('/')[2]}, in the middle of ${intent.op} of disk ${intent.disk}`;
      try {
        if (await this.#takeUp(intent, p)) did.push(`gave back a lock that a dead process had left: ${which}`);
      } catch (e) {
        // Its intent stays: the next start tries again, and whoever needs the machine is told that it is locked.
        if (!(e instanceof VboxError)) throw e;
        did.push(`could not give back a lock that a dead process has left: ${which} (${e.message})`);
        continue;
      }
      await this.#notes.set(name, undefined, p);
    }
    return did;
  }

  async #takeUp(intent: Intent, p: Patience): Promise<boolean> {
    const call: Wire['call'] = (method, args) => this.#session.call(method, args, p);
    const args = { _this: intent.session };
    let held = false;
    try {
      held = (await call('ISession_getState', args)).text() === 'Locked';
      if (held) {
        const machine = (await call('ISession_getMachine', args)).text();
        await call('IMachine_saveSettings', { _this: machine });
        await unlock({ call }, intent.session);
      }
      await call('IWebsessionManager_logoff', { refIVirtualBox: intent.vb });
    } catch (e) {
      // The server has forgotten that session: its lock, if there was one, went with the server or cannot be reached.
      if (!is(e, 'reference')) throw e;
    }
    return held;
  }
}

/** More than once: a lock that stays is worse than a late answer. */
async function unlock(w: Pick<Wire, 'call'>, session: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await w.call('ISession_unlockMachine', { _this: session }, lastWords());
      return;
    } catch (e) {
      // It is not locked (any more), or there is no server or session that could hold it.
      if (is(e, 'reference', 'gone', 'unreachable') || (e instanceof VboxError && e.result === 0x8000ffff)) return;
      if (attempt === 4) throw e;
      await pause(backOff(attempt, 50), lastWords());
    }
  }
}

function read(text: string | undefined): Intent | undefined {
  try {
    const x = JSON.parse(text ?? '') as Partial<Intent>;
    const all = [x.maker, x.op, x.disk, x.vb, x.session];
    return all.every((v) => typeof v === 'string') ? (x as Intent) : undefined;
  } catch {
    return undefined;
  }
}
