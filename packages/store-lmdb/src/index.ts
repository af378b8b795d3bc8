/** Node state of REX-Ray in lmdb: the plugin of kind `store`. */
import { CONFIG, DESCRIPTORS, definePlugin, LOGGER } from '@rexray/core';
import { schema, Type } from '@rexray/core/schema';
import { LmdbStore } from './store.ts';

export { type LmdbConfig, LmdbStore } from './store.ts';

const Config = Type.Object({
  dir: Type.String({ minLength: 1, description: 'Directory of the node state, on a local file system; made 0700' }),
});

const plugin = definePlugin({
  kind: 'store',
  name: 'lmdb',
  config: schema(Config),
  deps: [CONFIG, DESCRIPTORS, LOGGER],
  create: LmdbStore,
});
export default plugin;
