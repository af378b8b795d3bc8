import { type Static, schema, Type } from '@rexray/core/schema';

const Config = Type.Object(
  {
    volumePath: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'Directory of the image files; default `<lib>/local-loop`',
      }),
    ),
    maxBytes: Type.Optional(
      Type.String({
        description:
          'Ceiling of what volumes and snapshots may add up to (`500GiB`), counted by their full sizes; absent = no ceiling, images are sparse',
      }),
    ),
    shared: Type.Boolean({
      default: false,
      description:
        'The directory is shared by several nodes (a network or cluster file system). It is then never made, only used: an absent one is not mounted',
    }),
  },
  { additionalProperties: false },
);
export type LocalLoopConfig = Static<typeof Config>;
export const configSchema = schema(Config);

/** Image files have no options of their own. */
const Params = Type.Object({}, { additionalProperties: false });
export type LocalLoopParams = Static<typeof Params>;
export const paramsSchema = schema(Params);
