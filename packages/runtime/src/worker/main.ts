/** The process of a storage driver whose verbs may hang in the kernel (S15): makes the driver it is told to, and serves it to its parent. */
import { pathToFileURL } from 'node:url';
import { type Logger, silentLogger } from '@rexray/core';
import { checkPlugin, createDriver } from '../plugins/index.ts';
import { DRIVER_SHAPE, type DriverStart } from './shape.ts';

// Ctrl-C reaches the whole process group: when to stop is the parent's decision.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

const started = new Promise<DriverStart>((resolve) => process.once('message', (m) => resolve(m as DriverStart)));
const { parentChannel, serve } = await import('@rexray/host-linux/rpc');
// A parent that went before it said anything.
if (!process.connected) process.exit(0);
const start = await started;

/** Lines go to the parent, which has the log and knows what is secret. */
const line =
  (level: keyof Logger) =>
  (fields: object, message: string): void =>
    void process.send?.({ t: 'log', level, fields, message }, undefined, undefined, () => {});
const logger: Logger = { ...silentLogger, info: line('info'), warn: line('warn'), error: line('error') };

const definition = checkPlugin('storage', await import(pathToFileURL(start.module).href), start.module);
const driver = createDriver(definition, { ...start, logger });
process.once('disconnect', () => void Promise.resolve(driver.close?.()).finally(() => process.exit(0)));
const verbs = driver as unknown as Record<string, ((...args: unknown[]) => unknown) | undefined>;
const target: Record<string, unknown> = { snapshots: driver.snapshots };
for (const name of Object.keys(DRIVER_SHAPE)) {
  const verb = verbs[name];
  if (typeof verb === 'function') target[name] = verb.bind(driver);
}
// Traits may settle with the first verb, and a property does not cross the channel.
target.whoami = async (...args: Parameters<typeof driver.whoami>) => ({
  node: await driver.whoami(...args),
  traits: driver.traits,
});
serve(parentChannel(), target, DRIVER_SHAPE);
