import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import remote from '@rexray/driver-remote';
import { openRexray } from '@rexray/runtime';
import { SignJWT } from 'jose';
import { flushNote, openLoop, removeRoot, tempRoot } from './rig/loop.mjs';

const KEY = 'a key for a benchmark, of forty bytes ...';
const median = (times) => [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)];
const spent = { agent: [], embedded: [] };

/** A server with one service over images, in a process of its own, over TLS. */
async function startServer(root, images) {
  const [certFile, keyFile] = [join(root, 'server.crt'), join(root, 'server.key')];
  const subject = ['-subj', '/CN=server', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  execFileSync('openssl', ['req', '-x509', ...curve, '-days', '2', '-keyout', keyFile, '-out', certFile, ...subject], {
    stdio: 'ignore',
  });
  const told = { home: join(root, 'server'), images, certFile, keyFile, key: KEY };
  const program = fileURLToPath(new URL('rig/storage-server.mjs', import.meta.url));
  const child = spawn(process.execPath, [program, JSON.stringify(told)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [host] = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', (l) => resolve([l]));
    child.once('exit', () => reject(new Error('the server did not start')));
  });
  const token = await new SignJWT({})
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject('bench')
    .setIssuedAt()
    .setNotBefore('0s')
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(KEY));
  return { child, config: { host, service: 'loop', token, tls: { mode: 'on', trustedCertsFile: certFile } } };
}

const once = async (side, { [side]: volumes }) => {
  const began = performance.now();
  await volumes.mount('warm', { holder: 'cli' });
  spent[side].push(performance.now() - began);
  await volumes.unmount('warm', { holder: 'cli' });
};

export default {
  what: 'warm mount + unmount of an ext4 volume by an agent, through a server over TLS, against the embedded one',
  rounds: 40,
  warmUp: 5,
  async setUp() {
    const root = tempRoot();
    const { rex, volumes: embedded } = await openLoop(root);
    const images = join(root, 'shared');
    mkdirSync(images);
    writeFileSync(join(root, 'note'), '');
    const server = await startServer(root, images);
    const agentRex = await openRexray({
      home: join(root, 'agent'),
      allowRoots: [images],
      services: { loop: remote(server.config) },
    });
    const agent = agentRex.service('loop').integration;
    for (const volumes of [embedded, agent]) {
      await volumes.create('warm', { size: '1GiB' });
      await volumes.mount('warm', { holder: 'cli' });
      await volumes.unmount('warm', { holder: 'cli' });
    }
    return { root, rex, agentRex, server, embedded, agent };
  },
  sides: {
    agent: (s) => once('agent', s),
    embedded: (s) => once('embedded', s),
  },
  note({ root }) {
    const [agent, embedded] = [median(spent.agent), median(spent.embedded)];
    const more = `a mount alone: ${agent.toFixed(1)} against ${embedded.toFixed(1)} ms, ${(agent - embedded).toFixed(1)} ms more (goal: under 15)`;
    return `${more}; ${flushNote(root)}`;
  },
  async tearDown({ root, rex, agentRex, server }) {
    await agentRex.close();
    await rex.close();
    server.child.kill('SIGTERM');
    await new Promise((resolve) => server.child.once('exit', resolve));
    removeRoot(root);
  },
};
