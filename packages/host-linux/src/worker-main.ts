/** The host worker process: a Linux host for its parent. It may hang in the kernel, so that the parent never does (S15). */
import { silentLogger } from '@rexray/core';
import type { HostConfig } from './config.ts';
import { LinuxHost } from './host.ts';
import { parentChannel, serve } from './rpc/index.ts';
import { HOST_SHAPE } from './worker/shape.ts';

// Ctrl-C reaches the whole process group: when to stop is the parent's decision.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

const config = JSON.parse(process.argv[2] ?? '{}') as HostConfig;
// The parent is gone: so is everybody who could use the answer. Children die with this process, locks with its descriptors.
serve(parentChannel(), new LinuxHost(config, silentLogger), HOST_SHAPE, { onEnd: () => process.exit(0) });
