import { type Static, schema, Type } from '@rexray/core/schema';

const Config = Type.Object({
  volumePath: Type.Optional(
    Type.String({ minLength: 1, description: 'Directory of the volumes; default `<lib>/local-dir`' }),
  ),
  shared: Type.Boolean({
    default: false,
    description:
      'The directory is shared by several nodes (a network file system). It is then never made, only used: an absent one is not mounted',
  }),
});
export type LocalDirConfig = Static<typeof Config>;
export const configSchema = schema(Config);

/** Directories have no options of their own. */
const Params = Type.Object({});
export type LocalDirParams = Static<typeof Params>;
export const paramsSchema = schema(Params);
