import { lastWords, type Patience } from '../client.ts';
import { is, VboxError } from '../errors.ts';
import { type Arguments, answer, envelope, type Reply } from './envelope.ts';
import type { Post } from './post.ts';

interface Logon {
  /** Reference of IVirtualBox: the session itself. */
  readonly vb: string;
  /** Media do not change their id, and keep their reference as long as the session lasts. */
  readonly ids: Map<string, string>;
}

/** What a body may do in a session. */
export interface Wire {
  readonly vb: string;
  readonly ids: Map<string, string>;
  call(method: string, args: Arguments, p?: Patience): Promise<Reply>;
}

/** One logon for a process: renewed when the server has forgotten it, given back at close. */
export class Session {
  readonly #post: Post;
  readonly #user: { readonly name: string; readonly password: string };
  #logon: Promise<Logon> | undefined;
  #everIn = false;
  #closed = false;
  calls = 0;

  constructor(post: Post, user: { readonly name: string; readonly password: string }) {
    this.#post = post;
    this.#user = user;
  }

  /** Runs `body`; once again with a new logon when the server does not know the old one any more. */
  async run<T>(p: Patience, body: (wire: Wire) => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      const logon = this.#current(p);
      const { vb, ids } = await logon;
      try {
        return await body({ vb, ids, call: (method, args, own = p) => this.call(method, args, own) });
      } catch (e) {
        if (is(e, 'reference', 'gone') && this.#logon === logon) this.#logon = undefined;
        if (!is(e, 'reference') || attempt > 0) throw e;
      }
    }
  }

  async call(method: string, args: Arguments, p: Patience): Promise<Reply> {
    this.calls += 1;
    const r = answer(await this.#post(envelope(method, args), p), method);
    // Each fault leaves an object behind; nobody needs the answer.
    if (r.leftover !== undefined) this.#forget(r.leftover);
    if (r.error !== undefined) throw r.error;
    if (r.reply === undefined) throw new VboxError('protocol', `${method}: neither an answer nor a fault`);
    return r.reply;
  }

  #forget(reference: string): void {
    this.call('IManagedObjectRef_release', { _this: reference }, lastWords(5_000)).catch(() => undefined);
  }

  #current(p: Patience): Promise<Logon> {
    if (this.#closed) return Promise.reject(new VboxError('other', 'This driver is closed'));
    if (this.#logon === undefined) {
      const mine = this.#logOn(p);
      this.#logon = mine;
      mine.catch(() => {
        if (this.#logon === mine) this.#logon = undefined;
      });
    }
    return this.#logon;
  }

  async #logOn(p: Patience): Promise<Logon> {
    // Others wait for this logon too: one of them going away must not end it for all.
    const own: Patience = { signal: new AbortController().signal, deadline: p.deadline };
    let vb: string;
    try {
      const args = { username: this.#user.name, password: this.#user.password };
      vb = (await this.call('IWebsessionManager_logon', args, own)).text();
    } catch (e) {
      throw is(e, 'login') ? this.#refused() : e;
    }
    // Seen for a moment after VBoxSVC ended: success, and no session.
    if (vb === '') throw svcGone('it answered a logon without a session');
    this.#everIn = true;
    return { vb, ids: new Map() };
  }

  /** A wrong password and a VBoxSVC that has ended give the same bare fault; who was let in before has the right one. */
  #refused(): VboxError {
    if (this.#everIn) return svcGone('it refuses a logon that it accepted before');
    const who = this.#user.name === '' ? 'without a user' : `as "${this.#user.name}"`;
    return new VboxError(
      'login',
      `vboxwebsrv refused the logon ${who}: a wrong virtualbox.userName or virtualbox.password, or its VBoxSVC has ended (then restart vboxwebsrv). Authentication is switched off on the host with: VBoxManage setproperty websrvauthlibrary null`,
    );
  }

  async close(): Promise<void> {
    const logon = this.#logon;
    this.#closed = true;
    this.#logon = undefined;
    if (logon === undefined) return;
    const { vb } = await logon.catch(() => ({ vb: '' }));
    if (vb === '') return;
    await this.call('IWebsessionManager_logoff', { refIVirtualBox: vb }, lastWords(5_000)).catch(() => undefined);
  }
}

const svcGone = (what: string): VboxError =>
  new VboxError(
    'gone',
    `VBoxSVC, VirtualBox’s own service, has ended behind vboxwebsrv (${what}). vboxwebsrv does not find a new one by itself: restart it on the VirtualBox host`,
  );
