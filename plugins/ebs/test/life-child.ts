/** A process that lives a whole life against the server of its parent, until it is killed. */
import { EbsDriver } from '../src/driver.ts';
import { wholeLife } from './life.ts';
import { ctxOf, OUTSIDE, settings } from './world.ts';

/** Address of the server, id of the instance. */
export type ChildArguments = readonly [endpoint: string, node: string];

const [endpoint = '', node = ''] = process.argv.slice(2);
const driver = new EbsDriver(settings(endpoint, node), OUTSIDE);
await driver.whoami({ nodeId: 'n', hostname: 'n', bootId: 'killed', macs: [] }, ctxOf());
await wholeLife(driver, node);
await driver.close();
