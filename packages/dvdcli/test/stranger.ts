/** A volume plugin by somebody else: it shares no line with ours, keeps directories for volumes, and wants Create before Mount. */
import { mkdirSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';

export interface Said {
  readonly method: string;
  readonly body: Record<string, unknown>;
}

export interface StrangerOptions {
  /** Listens here: a path, or `{ port: 0 }`. */
  readonly root: string;
  /** Called before a method is answered; what it returns is the answer instead. */
  readonly before?: (method: string, body: Record<string, unknown>) => Promise<Answer | undefined> | Answer | undefined;
  /** Counts mounts and unmounts at the last one, as REX-Ray does without `ignoreUsedCount`. */
  readonly counts?: boolean;
}
type Answer = { status?: number; text?: string; json?: unknown };

export class Stranger {
  readonly calls: Said[] = [];
  readonly volumes = new Map<string, { opts: Record<string, string>; mounts: number }>();
  readonly server: Server;
  readonly #o: StrangerOptions;

  constructor(
    o: StrangerOptions,
    make: (listener: Parameters<typeof createServer>[1]) => Server = (l) => createServer(l),
  ) {
    this.#o = o;
    this.server = make((req, res) => {
      const chunks: Buffer[] = [];
      req.on('data', (c: Buffer) => chunks.push(c));
      req.on('end', async () => {
        const text = Buffer.concat(chunks).toString();
        const body = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
        const method = (req.url ?? '').slice(1);
        this.calls.push({ method, body });
        const { status = 200, json, text: plain } = (await o.before?.(method, body)) ?? this.#answer(method, body);
        res.writeHead(status, { 'content-type': 'application/vnd.docker.plugins.v1.1+json' });
        res.end(plain ?? JSON.stringify(json));
      });
    });
  }

  listen(at: string | { port: number; host: string }): Promise<void> {
    return new Promise((resolve) => this.server.listen(at, () => resolve()));
  }
  close(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  /** Methods without `Plugin.Activate`, in order. */
  get methods(): string[] {
    return this.calls
      .map((c) => c.method)
      .filter((m) => m !== 'Plugin.Activate')
      .map((m) => m.replace('VolumeDriver.', ''));
  }
  last(method: string): Record<string, unknown> | undefined {
    return this.calls.findLast((c) => c.method === `VolumeDriver.${method}`)?.body;
  }

  #path = (name: string): string => join(this.#o.root, name, 'data');

  #answer(method: string, body: Record<string, unknown>): Answer {
    const name = String(body.Name ?? '');
    const it = this.volumes.get(name);
    const fails = (text: string): Answer => ({ status: 500, json: { Err: text } });
    const ok = (more: object = {}): Answer => ({ json: { ...more, Err: '' } });
    const shown = (n: string): object => ({
      Name: n,
      Mountpoint: (this.volumes.get(n)?.mounts ?? 0) > 0 ? this.#path(n) : '',
    });
    switch (method.replace('VolumeDriver.', '')) {
      case 'Plugin.Activate':
        return { json: { Implements: ['VolumeDriver'] } };
      case 'Create':
        if (it !== undefined) return fails(`volume name already exists: ${name}`);
        mkdirSync(this.#path(name), { recursive: true });
        this.volumes.set(name, { opts: (body.Opts ?? {}) as Record<string, string>, mounts: 0 });
        return ok();
      case 'List':
        return ok({ Volumes: [...this.volumes.keys()].map(shown) });
    }
    if (it === undefined) return fails(`no such volume: ${name}`);
    switch (method.replace('VolumeDriver.', '')) {
      case 'Get':
        return ok({ Volume: shown(name) });
      case 'Path':
        return ok({ Mountpoint: it.mounts > 0 ? this.#path(name) : '' });
      case 'Mount':
        it.mounts += 1;
        return ok({ Mountpoint: this.#path(name) });
      case 'Unmount':
        if (it.mounts === 0) return fails(`volume ${name} is not mounted`);
        it.mounts = this.#o.counts ? it.mounts - 1 : 0;
        return ok();
      case 'Remove':
        if (it.mounts > 0) return fails(`volume ${name} is in use`);
        rmSync(join(this.#o.root, name), { recursive: true });
        this.volumes.delete(name);
        return ok();
      default:
        return { status: 404, text: 'unknown method' };
    }
  }
}
