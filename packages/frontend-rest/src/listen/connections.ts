import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** The connections of a server, so that it can end without waiting for those that never say anything. */
export class Connections {
  readonly #open = new Map<unknown, Socket>();
  readonly #busy = new Map<unknown, number>();

  constructor(server: Server) {
    server.on('connection', (s: Socket) => {
      const key = keyOf(s);
      this.#open.set(key, s);
      s.once('close', () => this.#open.delete(key));
    });
    server.on('request', (q: IncomingMessage, r: ServerResponse) => {
      const key = keyOf(q.socket);
      this.#busy.set(key, (this.#busy.get(key) ?? 0) + 1);
      r.once('close', () => {
        const left = (this.#busy.get(key) ?? 1) - 1;
        if (left > 0) this.#busy.set(key, left);
        else this.#busy.delete(key);
      });
    });
  }

  /** Ends those that no request runs on: idle ones, and those whose handshake or head is still to come. */
  endIdle(): void {
    for (const [key, s] of this.#open) if (!this.#busy.has(key)) s.destroy();
  }
}

/** A TLS connection is another object than the one below it, with the same other end. */
const keyOf = (s: Socket): unknown => (s.remotePort === undefined ? s : `${s.remoteAddress} ${s.remotePort}`);
