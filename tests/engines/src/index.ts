export * from './plugin.ts';
export * from './swarm.ts';
