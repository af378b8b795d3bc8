/** One verb at a time on a name, within this process; between processes the file system decides. */
export class Turns {
  readonly #last: Map<string, Promise<unknown>> = new Map();

  async take<T>(name: string, body: () => Promise<T>): Promise<T> {
    const before = this.#last.get(name) ?? Promise.resolve();
    const mine = before.then(body, body);
    const settled = mine.then(
      () => undefined,
      () => undefined,
    );
    this.#last.set(name, settled);
    try {
      return await mine;
    } finally {
      if (this.#last.get(name) === settled) this.#last.delete(name);
    }
  }
}
