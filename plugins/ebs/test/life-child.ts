/** A process that lives whole lives, each against a server of its own, until it is killed in the middle of all of them. */
import { EbsDriver } from '../src/driver.ts';
import { type Instances, wholeLife } from './life.ts';
import { ctxOf, OUTSIDE, settings } from './world.ts';

/** JSON of `[address of the server, id of the instance, id of another one]` for each life. */
export type ChildArguments = readonly [lives: string];

const lives = JSON.parse(process.argv[2] ?? '[]') as readonly (readonly [endpoint: string, ...Instances])[];
await Promise.all(
  lives.map(async ([endpoint, node, other]) => {
    // A reply that is held back until the end must not be taken for a lost one.
    const driver = new EbsDriver(settings(endpoint, node, { requestTimeout: '10m' }), OUTSIDE);
    const ctx = ctxOf(600_000);
    await driver.whoami({ nodeId: 'n', hostname: 'n', bootId: 'killed', macs: [] }, ctx);
    await wholeLife(driver, [node, other], () => ctxOf(600_000));
    await driver.close();
  }),
);
