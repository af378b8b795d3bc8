/** Type tests: this file is compiled (`tsc -p .`), never run. An unused `@ts-expect-error` is an error. */
import {
  type AnyVolumeError,
  bytes,
  CONFIG,
  type CreateOptions,
  type Ctx,
  DESCRIPTORS,
  type Descriptors,
  type Drivers,
  definePlugin,
  type EventBus,
  gib,
  type Integration,
  isVolumeError,
  LOGGER,
  type Logger,
  MemoryStore,
  type NodeStore,
  type Size,
  type StorageDriver,
  type Token,
  token,
  VolumeError,
} from '../src/index.ts';
import { parseOptions } from '../src/options.ts';
import { type Output, schema, Type } from '../src/schema.ts';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const holds = <_T extends true>(): void => undefined;

// --- sizes: 16 of what?
export const sizes: Size[] = [gib(16), bytes(5), '16GiB', '10g', '1.5TiB', '5GB', '100B'];
// @ts-expect-error a bare number is no size
export const bare: Size = 16;
// @ts-expect-error nor is a bare number in a string
export const bareText: Size = '16';
// @ts-expect-error nor an unknown unit
export const unit: Size = '16Gi';
// @ts-expect-error nor in the options of create
export const options: CreateOptions = { size: 16 };
// @ts-expect-error a file system that volumes do not have
export const fs: CreateOptions = { fsType: 'ntfs' };
// @ts-expect-error one source, not two halves of them
export const from: CreateOptions = { from: { volumes: 'a' } };

// --- errors: details by code
export const busy = new VolumeError('busy', 'x', { details: { op: 'mount', pid: 5 } });
// @ts-expect-error details of another code
export const wrong = new VolumeError('busy', 'x', { details: { holders: [] } });
// @ts-expect-error `rule` is required in denied
export const noRule = new VolumeError('denied', 'x', { details: {} });
// @ts-expect-error no such code
export const noCode = new VolumeError('broken', 'x', { details: {} });
// @ts-expect-error unauthenticated has no details
export const tooMuch = new VolumeError('unauthenticated', 'x', { details: { user: 'a' } });
export function narrowing(e: unknown): string | undefined {
  if (isVolumeError(e, 'in_use')) {
    holds<Same<typeof e.code, 'in_use'>>();
    return e.details.holders?.join();
  }
  if (isVolumeError(e, 'busy', 'timeout')) {
    // @ts-expect-error neither has holders
    e.details.holders;
    return e.code === 'busy' ? e.details.op : e.details.step;
  }
  if (isVolumeError(e)) {
    const any: AnyVolumeError = e;
    return any.code === 'data_loss' ? any.details.setAside : any.message;
  }
  // @ts-expect-error unknown stays unknown
  return e.message;
}
// @ts-expect-error no such code to ask for
isVolumeError(null, 'broken');

// --- plugins: deps against the constructor
const Config = schema(Type.Object({ endpoint: Type.String(), retries: Type.Number({ default: 3 }) }));
const Params = schema(Type.Object({ tier: Type.Union([Type.Literal('ssd'), Type.Literal('hdd')]) }));
type C = Output<typeof Config>;
type P = Output<typeof Params>;
holds<Same<P, { tier: 'ssd' | 'hdd' }>>();
type Made<D> = new (config: C, log: Logger) => D;
declare const Driver: Made<StorageDriver<P>>;
declare const OtherParams: Made<StorageDriver<{ pool: string }>>;
declare const NeedsMore: new (config: C & { region: string }, log: Logger) => StorageDriver<P>;
const told = { kind: 'storage', name: 'acme', config: Config, params: Params } as const;
const kept = { kind: 'store', name: 'kept', config: Config } as const;

const acme = definePlugin({ ...told, deps: [CONFIG, LOGGER], driver: Driver });
holds<Same<typeof acme.plugin.name, 'acme'>>();
acme({ endpoint: 'x' });
acme();
// @ts-expect-error retries is a number
acme({ retries: 'many' });
// @ts-expect-error no such key
acme({ endpont: 'x' });
// @ts-expect-error the wrong order
definePlugin({ ...told, deps: [LOGGER, CONFIG], driver: Driver });
// @ts-expect-error one too few
definePlugin({ ...told, deps: [CONFIG], driver: Driver });
// @ts-expect-error another token than the constructor takes
definePlugin({ ...told, deps: [CONFIG, DESCRIPTORS], driver: Driver });
// @ts-expect-error no token at all
definePlugin({ ...told, deps: [CONFIG, Symbol('logger')], driver: Driver });
// @ts-expect-error the driver has other per-volume options than the schema
definePlugin({ ...told, deps: [CONFIG, LOGGER], driver: OtherParams });
// @ts-expect-error the constructor wants more than the configuration has
definePlugin({ ...told, deps: [CONFIG, LOGGER], driver: NeedsMore });
// @ts-expect-error classify answers codes
definePlugin({ ...told, deps: [CONFIG, LOGGER], driver: Driver, classify: () => 'oops' });
// @ts-expect-error a storage plugin has params
definePlugin({ kind: 'storage', name: 'acme', config: Config, deps: [CONFIG, LOGGER], driver: Driver });
// @ts-expect-error no such kind
definePlugin({ kind: 'cache', name: 'x', config: Config, deps: [], create: MemoryStore });
definePlugin({ ...kept, deps: [], create: MemoryStore });
// @ts-expect-error a driver is no store
definePlugin({ ...kept, deps: [CONFIG, LOGGER], create: Driver });

// --- tokens
export const descriptors: Token<Descriptors> = DESCRIPTORS;
export const mine: Token<{ n: number }> = token<{ n: number }>('mine');
// @ts-expect-error another type
export const other: Token<string> = token<number>('n');
// @ts-expect-error any symbol is no token
export const plain: Token<string> = Symbol('x');

// --- merging
declare module '../src/plugin.ts' {
  interface Drivers {
    acme: typeof acme;
  }
}
holds<Same<Drivers['acme'], typeof acme>>();

// --- events, stores, options
export async function others(bus: EventBus, store: NodeStore, api: Integration<P>, ctx: Ctx): Promise<void> {
  bus.on('volume.mounted', (x) => x.holder);
  // @ts-expect-error no such event
  bus.on('volume.exploded', () => undefined);
  // @ts-expect-error created has no holder
  bus.on('volume.created', (x) => x.holder);
  for await (const e of bus.stream(['volume.mounted', 'warning'])) {
    holds<Same<typeof e.type, 'volume.mounted' | 'warning'>>();
    if (e.type === 'warning') e.message;
    // @ts-expect-error a mount has no message
    else e.message;
  }
  await store.commit([{ put: 'a', value: 1 }, { del: 'b' }]);
  // @ts-expect-error a put has a value
  await store.commit([{ put: 'a' }]);
  await api.create('a', { size: '1GiB', params: { tier: 'ssd' } });
  await api.create('a', { ...parseOptions({ size: '5' }), params: {} });
  // @ts-expect-error not one of the tiers
  await api.create('a', { params: { tier: 'tape' } });
  // @ts-expect-error a mount has a holder
  await api.mount('a', {});
  // @ts-expect-error a clone is not formatted
  await api.clone('a', 'b', { overwriteFs: true });
  // @ts-expect-error read only
  ctx.requestId = 'x';
}
