/** The server: it alone knows where the bytes are. Agents come over TLS, with a token. */
import { join } from 'node:path';
import { silentLogger } from '@rexray/core';
import localDir from '@rexray/driver-local-dir';
import { createRestServer } from '@rexray/frontend-rest';
import { openRexray } from '@rexray/runtime';

const { home, key, certFile, keyFile } = JSON.parse(process.argv[2] ?? '{}') as Record<string, string>;
if (home === undefined || key === undefined || certFile === undefined || keyFile === undefined)
  throw new Error('started by main');

const rex = await openRexray({
  home: join(home, 'server'),
  services: { shared: localDir({ volumePath: join(home, 'shared'), shared: true }) },
});
const server = await createRestServer(
  {
    services: { shared: rex.service('shared').integration },
    defaultService: 'shared',
    events: rex.events,
    logger: silentLogger,
    signal: new AbortController().signal,
  },
  {
    socket: join(home, 'server.sock'),
    endpoints: { agents: { address: 'tcp://127.0.0.1:0', tls: { certFile, keyFile } } },
    auth: { key },
  },
);
console.log(server.addresses.find((a) => a.startsWith('https:')));
await new Promise((resolve) => process.once('SIGTERM', resolve));
await server.close();
await rex.close();
