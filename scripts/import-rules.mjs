/** Who may import what (docs/design.md, "Allowed imports"), as data. */

const coreOnly = { own: ['core'] };

/**
 * By directory; the first pattern that fits decides. `own`: packages of this workspace, by the name after `@rexray/`.
 * `byName`: packages of this workspace that may be loaded with `import(name)` only, so that they stay replaceable.
 */
export const PACKAGES = [
  { dir: /^packages\/(core|kernel)$/, own: [] },
  { dir: /^packages\/host-linux$/, own: ['core', 'kernel'] },
  { dir: /^plugins\/local-loop$/, own: ['core', 'kernel'] },
  { dir: /^plugins\/remote$/, own: ['core', 'rest-client'] },
  { dir: /^plugins\//, ...coreOnly },
  { dir: /^packages\/frontend-rest$/, own: ['core', 'rest-client'] },
  { dir: /^packages\/(frontend-.+|store-.+|rest-client|conformance)$/, ...coreOnly },
  { dir: /^packages\/runtime$/, own: ['core'], byName: /^(driver|host|store|frontend|layer)-|^conformance$/ },
  { dir: /^packages\/(cli|dvdcli)$/, own: ['runtime', 'core', 'rest-client'], byName: /^frontend-rest$/ },
  { dir: /^packages\//, ...coreOnly },
  // Examples show what an embedder writes: the SDK's door, core, and plugins.
  { dir: /^examples\//, own: ['runtime', 'core', 'conformance', /^driver-/, /^frontend-/] },
  { dir: /^tests\//, own: [/./] },
];

/**
 * Files that may import more than their package, and why. `@rexray/runtime/testing` is made of the simulated machine and the
 * memory driver; nobody loads it who does not test.
 */
export const FILES = [{ file: /^packages\/runtime\/src\/testing\.ts$/, own: ['conformance', 'driver-memory'] }];

/** A contract's suite lives with the contract, and its implementations' tests call it there. */
export const CONTRACT_SUITES = /^packages\/core\/test\/[a-z-]+-contract\.ts$/;

const CHILDREN = /^(packages\/(host-linux|runtime|dvdcli|cli)|(plugins|tests|examples)\/[^/]+)\//;

/** Packages and Node modules that have one home: files that may import them. */
export const HOMES = {
  // The tracer of the kill matrix watches the calls where they leave the process.
  koffi: /^(packages\/kernel\/|tests\/safety\/src\/trace\.ts$)/,
  lmdb: /^packages\/store-lmdb\//,
  tsyringe: /^packages\/runtime\/src\/plugins\//,
  'reflect-metadata': /^packages\/runtime\/src\/(plugins\/|(index|daemon|testing)\.ts$)/,
  execa: CHILDREN,
  'node:child_process': CHILDREN,
  cosmiconfig: /^packages\/runtime\//,
  typebox: /^(packages\/core\/src\/typebox\.ts|packages\/frontend-rest\/|packages\/rest-client\/)/,
};

/** What core may use: it does no I/O. Everything else that a package imports must stand in its own package.json. */
export const CORE_MAY = [
  'eventemitter3',
  'typebox',
  'node:crypto',
  'node:path',
  'node:path/posix',
  'node:async_hooks',
  'node:util',
  'node:timers/promises',
];

/** Loading a module whose name is computed is what the plugin loader does, and nobody else. */
export const COMPUTED = /^(packages\/runtime\/|tests\/|examples\/|[^/]+\/[^/]+\/test\/)/;
