import { randomBytes } from 'node:crypto';
import type { CreateOptions, Integration, ListOptions, Mount, MountOptions, Volume } from './api.ts';
import type { CallOptions } from './context.ts';

/** A mount that gives itself back. Disposing unmounts this holder; it never removes the volume. */
export interface MountHandle extends Mount, AsyncDisposable {
  readonly holder: string;
  unmount(o?: CallOptions): Promise<void>;
}

/** A volume for the length of a job. Disposing unmounts and removes it. */
export interface Scratch<P = unknown> extends AsyncDisposable {
  readonly name: string;
  /** A mounted, empty directory. */
  readonly path: string;
  readonly volume: Volume<P>;
  /** It stays: disposing only unmounts from now on. */
  keep(): Promise<Volume<P>>;
  remove(o?: CallOptions): Promise<void>;
}

export interface Service<P = unknown> extends Omit<Integration<P>, 'mount'> {
  /** A handle that unmounts itself; the holder is made up when none is named. */
  mount(name: string, o?: Partial<MountOptions>): Promise<MountHandle>;
  /** A new empty volume, mounted; gone when disposed, and after a crash at a later open. @throws `denied` where removal is disabled */
  scratch(o?: CreateOptions<P> & { readonly prefix?: string }): Promise<Scratch<P>>;
  /** All volumes, page by page. */
  volumes(o?: ListOptions): AsyncIterable<Volume<P>>;
  /** The plain verbs underneath. */
  readonly integration: Integration<P>;
}

/** What only an embedded runtime can do for scratch volumes: remember them beyond its own death. */
export interface ScratchBook {
  /** @throws `denied` where volumes may not be removed */
  begin(name: string): Promise<void>;
  end(name: string): Promise<void>;
}

const ASYNC_DISPOSE: typeof Symbol.asyncDispose =
  Symbol.asyncDispose ?? (Symbol.for('Symbol.asyncDispose') as typeof Symbol.asyncDispose);

/** Handles over any integration, embedded or remote. */
export function service<P = unknown>(
  over: Integration<P>,
  o: { readonly book?: ScratchBook; readonly open?: Set<Scratch> } = {},
): Service<P> {
  const self = {
    integration: over,
    async mount(name: string, options: Partial<MountOptions> = {}): Promise<MountHandle> {
      const holder = options.holder ?? `sdk:${process.pid}-${randomBytes(6).toString('hex')}`;
      const m = await over.mount(name, { pid: process.pid, ...options, holder });
      let gone = false;
      const unmount = async (call?: CallOptions): Promise<void> => {
        if (gone) return;
        await over.unmount(name, { ...call, holder });
        gone = true;
      };
      return { ...m, holder, unmount, [ASYNC_DISPOSE]: () => unmount() };
    },
    async scratch({
      prefix = 'scratch',
      ...options
    }: CreateOptions<P> & { prefix?: string } = {}): Promise<Scratch<P>> {
      const name = `${prefix}-${randomBytes(8).toString('hex')}`;
      await o.book?.begin(name);
      const volume = await over.create(name, options);
      let mount: MountHandle;
      try {
        mount = await self.mount(name, options.signal === undefined ? {} : { signal: options.signal });
      } catch (e) {
        await over.remove(name);
        await o.book?.end(name);
        throw e;
      }
      return scratchHandle(over, volume, mount, o);
    },
    async *volumes(options: ListOptions = {}): AsyncIterable<Volume<P>> {
      let cursor: string | undefined;
      do {
        const page = await over.list({ ...options, ...(cursor !== undefined && { cursor }) });
        yield* page.items;
        cursor = page.next;
      } while (cursor !== undefined);
    },
  };
  // Getters (`traits`) stay live: the integration is the prototype, the handles lie over it.
  return Object.setPrototypeOf(self, over) as Service<P>;
}

function scratchHandle<P>(
  over: Integration<P>,
  volume: Volume<P>,
  mount: MountHandle,
  o: { readonly book?: ScratchBook; readonly open?: Set<Scratch> },
): Scratch<P> {
  let state: 'open' | 'kept' | 'gone' = 'open';
  const scratch: Scratch<P> = {
    name: volume.name,
    path: mount.path,
    volume,
    async keep() {
      if (state === 'open') state = 'kept';
      await o.book?.end(volume.name);
      return over.get(volume.name);
    },
    async remove(call) {
      if (state === 'gone') return;
      await mount.unmount(call);
      await over.remove(volume.name, call);
      await o.book?.end(volume.name);
      state = 'gone';
      o.open?.delete(scratch as Scratch);
    },
    [ASYNC_DISPOSE]: () => (state === 'kept' ? mount.unmount() : scratch.remove()),
  };
  o.open?.add(scratch as Scratch);
  return scratch;
}
