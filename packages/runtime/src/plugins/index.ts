export { createDriver, createPlugin, type PluginSurroundings, type Provided, provide } from './container.ts';
export { checkPlugin, type DefinitionOf, type LoadedPlugin, loadPlugin } from './load.ts';
export { type InstalledPlugin, installCommand, listInstalled, type ResolvedPlugin, resolvePlugin } from './resolve.ts';
export { type PluginRoots, pluginRoots, type RootsOptions } from './roots.ts';
