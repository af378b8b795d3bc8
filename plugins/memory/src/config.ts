import { type Static, schema, Type } from '@rexray/core/schema';

const MIB = 2 ** 20;

const Config = Type.Object({
  backend: Type.Optional(
    Type.String({
      description: 'Name of a storage shared by all services of this process that name it; absent = one of its own',
    }),
  ),
  scope: Type.Union([Type.Literal('local'), Type.Literal('global')], {
    default: 'global',
    description: 'Whether other nodes (other driver instances on the same backend) reach the volumes',
  }),
  fencing: Type.Union([Type.Literal('detach'), Type.Literal('switch'), Type.Literal('none')], {
    default: 'detach',
    description: 'What a takeover does to the last owner',
  }),
  multiWriter: Type.Boolean({
    default: false,
    description: 'Volumes are shares that several nodes may write; they are never formatted',
  }),
  minSize: Type.Integer({ default: MIB, minimum: 0, description: 'Smallest volume, in bytes' }),
  maxSize: Type.Optional(Type.Integer({ minimum: 0, description: 'Largest volume, in bytes' })),
  sizeStep: Type.Integer({ default: MIB, minimum: 1, description: 'Sizes are rounded up to a multiple, in bytes' }),
  capacityBytes: Type.Optional(Type.Integer({ minimum: 0, description: 'Space of the storage; absent = 1 PiB' })),
  maxAttachments: Type.Optional(Type.Integer({ minimum: 1, description: 'Volumes that one node can have attached' })),
});
export type MemoryConfig = Static<typeof Config>;
export const configSchema = schema(Config);

const Params = Type.Object({
  tier: Type.Optional(Type.String({ description: 'A word that is kept with the volume' })),
});
export type MemoryParams = Static<typeof Params>;
export const paramsSchema = schema(Params);

/** What a driver made with `new` and only some settings runs with. */
export const withDefaults = (c: Partial<MemoryConfig>): MemoryConfig => ({
  scope: 'global',
  fencing: 'detach',
  multiWriter: false,
  minSize: MIB,
  sizeStep: MIB,
  ...c,
});
