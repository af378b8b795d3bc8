/** A program that uses the client; run by runtimes.test.ts on each runtime. Prints one line of JSON. */
import process from 'node:process';
import { isVolumeError, service } from '@rexray/core';
import { connect } from '@rexray/rest-client';

const [socketPath = '', name = ''] = process.argv.slice(2);
const client = connect({ socketPath });
const it = service(await client.integration('memory'));
const stop = new AbortController();
const seen: string[] = [];
await new Promise<void>((open, fail) => {
  (async () => {
    for await (const e of client.events({ signal: stop.signal, onOpen: open, volume: name })) seen.push(e.type);
  })().catch(fail);
});

await it.create(name, { size: '64MiB', labels: { by: 'program' } });
const mount = await it.mount(name, { holder: 'cli' });
const held = await it.get(name);
await mount.unmount();

// The test makes this one hang: the roll-back must have ended when we hear of it.
const cancel = new AbortController();
setTimeout(() => cancel.abort(), 300);
const canceled = await it.mount(`${name}-slow`, { holder: 'cli', signal: cancel.signal }).catch((e: unknown) => e);
const lacking = await it.get('lacking').catch((e: unknown) => e);
const slow = await it.expand(name, { size: '128MiB' });
const names: string[] = [];
for await (const v of it.volumes({ prefix: name })) names.push(v.name);
await it.remove(name);
for (let i = 0; i < 100 && !seen.includes('volume.removed'); i++) await new Promise((r) => setTimeout(r, 20));
stop.abort();
const nobody = await connect({ socketPath: `${socketPath}.none` })
  .health()
  .catch((e: unknown) => e);
client.close();

console.log(
  JSON.stringify({
    path: mount.path,
    holders: held.holders.map((h) => h.holder),
    canceled: isVolumeError(canceled, 'canceled') && canceled.details.rolledBack,
    lacking: isVolumeError(lacking) && lacking.code,
    grown: slow.volume.sizeBytes,
    names,
    nobody: isVolumeError(nobody) && nobody.code,
    events: seen.filter((t) => t.startsWith('volume.')),
  }),
);
