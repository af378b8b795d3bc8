/** A process that attaches and detaches one volume until its parent ends it. Each call that changes something is a step that the parent may stop it at. */
import { connect, createServer } from 'node:net';
import { silentLogger } from '@rexray/core';
import { VirtualBoxDriver } from '../src/driver.ts';

/** What the parent says, as JSON in the first argument. */
export interface ChildOrders {
  readonly endpoint: string;
  readonly volumePath: string;
  readonly machine: string;
  readonly volume: string;
  readonly op: 'attach' | 'detach';
  /** The call, counted from the first of the verb, before which the signal comes; 0: none. */
  readonly stopAt: number;
  readonly signal: 'SIGKILL' | 'SIGTERM';
  readonly nodeId: string;
  /** Program to use instead of the web service; it stops us by itself. */
  readonly vboxManage?: string;
}

const orders = JSON.parse(process.argv[2] ?? '{}') as ChildOrders;
const target = new URL(orders.endpoint);
let counting = false;
const READS = /_(get|find)[A-Z]|_refreshState$|^IVirtualBox_openMedium$|_release$/;
let calls = 0;

// Every request passes here, so that the count is of what really goes out.
const proxy = createServer((client) => {
  const server = connect(Number(target.port), target.hostname);
  client.on('data', (d) => {
    const method = /<vbox:(\w+)/.exec(d.toString())?.[1] ?? '';
    // Between two calls that change nothing, nothing is different for whoever comes after us.
    if (method !== '' && counting && !READS.test(method)) {
      calls += 1;
      process.stdout.write(`${calls} ${method}\n`);
      if (calls === orders.stopAt) process.kill(process.pid, orders.signal);
    }
    server.write(d);
  });
  server.on('data', (d) => client.write(d));
  for (const [a, b] of [
    [client, server],
    [server, client],
  ] as const) {
    a.on('error', () => b.destroy());
    a.on('close', () => b.destroy());
  }
});
await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', () => resolve()));
const address = proxy.address();
const port = typeof address === 'object' && address !== null ? address.port : 0;

const ctx = () => ({
  signal: AbortSignal.timeout(60_000),
  deadline: performance.now() + 60_000,
  requestId: 'child',
  progress() {},
});
const driver = new VirtualBoxDriver(
  {
    endpoint: `http://127.0.0.1:${port}`,
    volumePath: orders.volumePath,
    localMachineNameOrId: orders.machine,
    ...(orders.vboxManage !== undefined && { transport: 'cli', vboxManagePath: orders.vboxManage }),
  },
  silentLogger,
  orders.vboxManage === undefined ? '/nonexistent' : `${orders.vboxManage}.locks`,
);
const node = await driver.whoami({ nodeId: orders.nodeId, hostname: 'h', bootId: 'boot-1', macs: [] }, ctx());
counting = true;
if (orders.op === 'attach') {
  await driver.attach(orders.volume, node, { force: false, readonly: false, bootId: 'boot-1' }, ctx());
} else await driver.detach(orders.volume, node, { force: false }, ctx());
counting = false;
await driver.close();
process.stdout.write(`done ${calls}\n`);
process.exit(0);
