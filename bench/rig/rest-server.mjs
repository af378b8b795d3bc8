/** A server with volumes in memory, for bench/rest.mjs: what it costs is the interface, not a storage. */
import { argv } from 'node:process';
import memory from '@rexray/driver-memory';
import { createRestServer } from '@rexray/frontend-rest';
import { openRexray, silentLogger } from '@rexray/runtime';

const { home, socket, certFile, keyFile, key } = JSON.parse(argv[2]);
const rex = await openRexray({
  home,
  services: { small: memory(), thousand: memory(), myriad: memory() },
  defaultService: 'small',
});
const integration = (name) => rex.service(name).integration;
for (const [name, n] of [
  ['small', 1],
  ['thousand', 1_000],
  ['myriad', 10_000],
])
  for (let i = 0; i < n; i += 100)
    await Promise.all(
      Array.from({ length: Math.min(100, n - i) }, (_, j) => integration(name).create(`v-${i + j}`, { size: '1GiB' })),
    );
const abort = new AbortController();
const server = await createRestServer(
  {
    services: Object.fromEntries(rex.services.map((name) => [name, integration(name)])),
    defaultService: 'small',
    events: rex.events,
    logger: silentLogger,
    signal: abort.signal,
  },
  {
    socket,
    auth: { key },
    rateLimit: { perSecond: 0 },
    endpoints: { tls: { address: 'tcp://127.0.0.1:0', tls: { certFile, keyFile } } },
  },
);
process.on('message', async (what) => {
  if (what === 'rss') return process.send({ rssMiB: Math.round(process.memoryUsage.rss() / 2 ** 20) });
  await server.close();
  await rex.close();
  process.disconnect();
});
process.send({ addresses: server.addresses });
