export * from './docker.ts';
export * from './images.ts';
export * from './podman.ts';
export * from './processes.ts';
export * from './world.ts';
