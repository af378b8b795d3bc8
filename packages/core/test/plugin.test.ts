import { describe, expect, it } from 'vitest';
import pkg from '../package.json' with { type: 'json' };
import {
  type Call,
  CONFIG,
  CORE_VERSION,
  compose,
  DESCRIPTORS,
  definePlugin,
  type Layer,
  LOGGER,
  type Logger,
  MemoryStore,
  PLUGIN_API,
  token,
} from '../src/index.ts';
import { schema, Type } from '../src/schema.ts';

describe('a plugin', () => {
  const plugin = definePlugin({
    kind: 'store',
    name: 'nothing',
    config: schema(Type.Object({ n: Type.Number({ default: 1 }) })),
    deps: [CONFIG, LOGGER],
    create: class extends MemoryStore {
      readonly n: number;
      constructor(c: { n: number }, _log: Logger) {
        super();
        this.n = c.n;
      }
    },
  });

  it('is stamped with the interface it was built for', () => {
    expect(plugin.plugin).toMatchObject({
      kind: 'store',
      name: 'nothing',
      api: PLUGIN_API,
      core: CORE_VERSION,
      deps: [CONFIG, LOGGER],
    });
    expect(Object.isFrozen(plugin.plugin)).toBe(true);
    expect(CORE_VERSION).toBe(pkg.version);
  });

  it('called, is a service by value with its definition', () => {
    expect(plugin({ n: 5 })).toEqual({ plugin: plugin.plugin, config: { n: 5 } });
    expect(plugin()).toEqual({ plugin: plugin.plugin, config: {} });
  });

  it('tokens are the same in two copies of core', () => {
    expect(token('logger')).toBe(LOGGER);
    expect(DESCRIPTORS).toBe(Symbol.for('@rexray/descriptors'));
  });
});

describe('layers', () => {
  const call = { op: 'x', args: [], ctx: {} } as unknown as Call;
  const named =
    (name: string, trace: string[]): Layer =>
    async (c, next) => {
      trace.push(`${name} in`);
      try {
        return await next(c);
      } finally {
        trace.push(`${name} out`);
      }
    };

  it('wrap the first outermost, also around a failure', async () => {
    const trace: string[] = [];
    const run = compose([named('a', trace), named('b', trace)], async () => {
      trace.push('verb');
      throw new Error('x');
    });
    await expect(run(call)).rejects.toThrow('x');
    expect(trace).toEqual(['a in', 'b in', 'verb', 'b out', 'a out']);
  });

  it('may answer without the verb, call it twice, or hand on another call', async () => {
    let n = 0;
    const verb = async (c: Call): Promise<unknown> => [c.op, ++n];
    expect(await compose([async () => 'mine'], verb)(call)).toBe('mine');
    expect(await compose([async (c, next) => [await next(c), await next({ ...c, op: 'y' })]], verb)(call)).toEqual([
      ['x', 1],
      ['y', 2],
    ]);
    expect(await compose([], verb)(call)).toEqual(['x', 3]);
  });
});
