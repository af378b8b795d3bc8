/** A server with the service `loop` for agents: what it is told is its argument, where it listens its first line. */
import { silentLogger } from '@rexray/core';
import localLoop from '@rexray/driver-local-loop';
import { createRestServer } from '@rexray/frontend-rest';
import { openRexray } from '@rexray/runtime';

const { home, images, certFile, keyFile, key } = JSON.parse(process.argv[2]);
const rex = await openRexray({ home, services: { loop: localLoop({ volumePath: images, shared: true }) } });
const server = await createRestServer(
  {
    services: { loop: rex.service('loop').integration },
    defaultService: 'loop',
    events: rex.events,
    logger: silentLogger,
    signal: new AbortController().signal,
  },
  {
    socket: `${home}/server.sock`,
    endpoints: { agents: { address: 'tcp://127.0.0.1:0', tls: { certFile, keyFile } } },
    auth: { key },
    rateLimit: { perSecond: 0 },
  },
);
console.log(server.addresses.find((a) => a.startsWith('https:')));
await new Promise((resolve) => process.once('SIGTERM', resolve));
await server.close();
await rex.close();
