import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import {
  type AnyVolumeError,
  type Bytes,
  bytes,
  type Code,
  type CreateOptions,
  FS_TYPES,
  type FsType,
  type Integration,
  isVolumeError,
  type Mount,
  type Op,
  type Page,
  type Volume,
} from '@rexray/core';
import { type Settled, settle } from '../outcome.ts';
import { skip } from '../runner.ts';
import type { IntegrationConformanceOptions, IntegrationWorld } from './world.ts';

const MIB = 2 ** 20;

/** What every rule works with. Whatever it mounted is unmounted at its end. */
export class IntegrationBench {
  readonly world: IntegrationWorld;
  readonly i: Integration;
  readonly o: IntegrationConformanceOptions;
  readonly #held: { name: string; holder: string }[] = [];
  #n = 0;

  constructor(world: IntegrationWorld, o: IntegrationConformanceOptions) {
    this.world = world;
    this.i = world.integration;
    this.o = o;
  }

  get call(): { readonly timeoutMs: number } {
    return { timeoutMs: this.o.timeoutMs ?? 60_000 };
  }

  name(hint = 'vol'): string {
    this.#n += 1;
    return `${hint}-${this.#n}-${randomUUID().slice(0, 8)}`;
  }

  size(factor = 1): Bytes {
    const { min = 0, step = 1 } = this.i.traits.sizes ?? {};
    const one = this.o.sizeBytes ?? Math.max(min, 64 * MIB);
    return bytes(Math.ceil((one * factor) / step) * step);
  }

  /** Goes on only where the service has this verb. */
  verb(op: Op): void {
    if (!this.i.can[op]) skip(`the service has no ${op}`);
  }

  sized(): void {
    if (this.i.traits.sizes === undefined) skip('sizes are not enforced (no traits.sizes)');
  }

  /** The file system that is made without a wish, and another one. */
  fsTypes(): { readonly one: FsType; readonly other: FsType } {
    const all = this.i.traits.fsTypes;
    if (all === undefined) skip('volumes are never formatted (no traits.fsTypes)');
    const one = all.includes('ext4') ? 'ext4' : (all[0] ?? 'ext4');
    return { one, other: FS_TYPES.find((f) => f !== one) ?? 'xfs' };
  }

  content(): NonNullable<IntegrationWorld['content']> {
    return this.world.content ?? skip('the test gives no content');
  }

  create(name = this.name(), o: CreateOptions = {}): Promise<Volume> {
    const fsType = this.i.traits.fsTypes?.includes('ext4') === true ? ({ fsType: 'ext4' } as const) : {};
    return this.i.create(name, { size: this.size(), ...fsType, ...this.call, ...o });
  }

  async mount(name: string, holder = 'sdk:one', o: { readOnly?: boolean } = {}): Promise<Mount> {
    const m = await this.i.mount(name, { holder, ...this.call, ...o });
    this.#held.push({ name, holder });
    return m;
  }

  unmount(name: string, holder = 'sdk:one'): Promise<void> {
    return this.i.unmount(name, { holder, ...this.call });
  }

  async holders(name: string): Promise<readonly string[]> {
    return (await this.i.get(name, this.call)).holders.map((h) => h.holder).sort();
  }

  /** All names, page by page; bounded. */
  async names(
    o: { prefix?: string; labels?: Record<string, string>; limit?: number } = {},
  ): Promise<readonly string[]> {
    return (await this.pages((cursor) => this.i.list({ ...o, ...cursor, ...this.call }))).map((v) => v.name);
  }

  async pages<T>(page: (cursor: { cursor?: string }) => Promise<Page<T>>): Promise<readonly T[]> {
    const found: T[] = [];
    let cursor: string | undefined;
    for (let i = 0; i < 200; i++) {
      const p = await page(cursor === undefined ? {} : { cursor });
      found.push(...p.items);
      if (p.next === undefined) return found;
      cursor = p.next;
    }
    return assert.fail('the listing did not end within 200 pages');
  }

  settle<T>(p: Promise<T>): Promise<Settled<T>> {
    return settle(p);
  }

  async rejects<C extends Code>(what: string, p: Promise<unknown>, ...codes: [C, ...C[]]): Promise<AnyVolumeError> {
    const r = await settle(p);
    assert.ok(!r.ok, `${what}: expected ${codes.join(' or ')}, but it succeeded`);
    if (!isVolumeError(r.error)) return assert.fail(`${what}: no VolumeError, but ${String(r.error)}`);
    const { code } = r.error;
    assert.ok(codes.includes(code as C), `${what}: expected ${codes.join(' or ')}, got ${code}: ${r.error.message}`);
    return r.error;
  }

  /** Gives every mount back, and looks for what is left. */
  async tidy(): Promise<void> {
    for (const { name, holder } of this.#held) await settle(this.i.unmount(name, { holder, all: true, ...this.call }));
    if (this.world.leaks !== undefined) assert.deepEqual(await this.world.leaks(), [], 'something is left');
  }
}
