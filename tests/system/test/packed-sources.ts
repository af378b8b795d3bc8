/** Loads every package from its unbuilt sources; run by packed.test.ts on runtimes that read TypeScript. */
import * as conformance from '@rexray/conformance';
import * as core from '@rexray/core';
import memory from '@rexray/driver-memory';
import * as kernel from '@rexray/kernel';

const ours = import.meta.resolve('@rexray/core');
if (!ours.endsWith('/src/index.ts')) throw new Error(`resolved to ${ours}`);
if (typeof kernel !== 'object' || typeof conformance.storageConformance !== 'function') throw new Error('incomplete');
if (memory.plugin.api !== core.PLUGIN_API) throw new Error('another interface');
console.log('sources: ok');
