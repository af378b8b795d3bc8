import { execFileSync, fork } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { removeRoot, tempRoot } from './rig/loop.mjs';

const KEY = 'a key for one run of a benchmark';
const SERVER = fileURLToPath(new URL('./rig/rest-server.mjs', import.meta.url));
const api = (service) => `/api/v2/services/${service}/volumes`;

function token() {
  const part = (x) => Buffer.from(JSON.stringify(x)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const said = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: 'bench', iat: now, exp: now + 3600 })}`;
  return `${said}.${createHmac('sha256', KEY).update(said).digest('base64url')}`;
}

function certificate(dir) {
  const [keyFile, certFile] = [join(dir, 'server.key'), join(dir, 'server.crt')];
  const names = ['-subj', '/CN=server', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  execFileSync('openssl', ['req', '-x509', ...made, ...names, '-keyout', keyFile, '-out', certFile], {
    stdio: 'ignore',
  });
  return { keyFile, certFile };
}

/** One way to the server with so many connections. */
function way(to, connections) {
  const pool = { keepAlive: true, maxSockets: connections, maxFreeSockets: connections };
  const agent = to.url === undefined ? new http.Agent(pool) : new https.Agent({ ...pool, ca: to.ca });
  const where = to.url === undefined ? { socketPath: to.socket } : { host: '127.0.0.1', port: new URL(to.url).port };
  const headers = to.url === undefined ? {} : { authorization: `Bearer ${token()}` };
  const { request } = to.url === undefined ? http : https;
  const send = (method, path, body) =>
    new Promise((resolve, reject) => {
      const more =
        body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
      const q = request({ ...where, agent, method, path, headers: { ...headers, ...more } }, (r) => {
        const chunks = [];
        r.on('data', (c) => chunks.push(c));
        r.on('end', () => {
          if (r.statusCode >= 300)
            return reject(new Error(`${method} ${path}: ${r.statusCode} ${Buffer.concat(chunks)}`));
          resolve(Buffer.concat(chunks));
        });
      });
      q.on('error', reject);
      q.end(body);
    });
  return { send, close: () => agent.destroy() };
}

async function listed(w, service) {
  for (let cursor = ''; ; ) {
    const page = JSON.parse(
      await w.send('GET', `${api(service)}?limit=1000${cursor && `&cursor=${encodeURIComponent(cursor)}`}`),
    );
    if (page.next === undefined) return;
    cursor = page.next;
  }
}

let made = 0;
const ACTS = {
  'GET volume': { n: 1_000, act: (w) => w.send('GET', `${api('small')}/v-0`) },
  'list of 1,000': { n: 20, act: (w) => listed(w, 'thousand') },
  'list of 10,000, in pages of 1,000': { n: 2, act: (w) => listed(w, 'myriad') },
  create: {
    n: 200,
    act: (w) => w.send('POST', api('small'), JSON.stringify({ name: `made-${made++}`, size: '1GiB' })),
  },
};

/** @returns rate and quantiles of `n` acts over so many connections */
async function measured(to, connections, { n, act }) {
  const w = way(to, connections);
  const ms = [];
  try {
    await act(w);
    let left = n;
    const start = performance.now();
    const worker = async () => {
      while (left-- > 0) {
        const t = performance.now();
        await act(w);
        ms.push(performance.now() - t);
      }
    };
    await Promise.all(Array.from({ length: Math.min(connections, n) }, worker));
    const seconds = (performance.now() - start) / 1000;
    ms.sort((a, b) => a - b);
    const q = (p) => ms[Math.min(ms.length - 1, Math.floor(ms.length * p))].toFixed(1);
    return `${(n / seconds).toFixed(n / seconds < 10 ? 1 : 0)}/s, half within ${q(0.5)} ms, 99 of 100 within ${q(0.99)} ms`;
  } finally {
    w.close();
  }
}

async function measure() {
  const root = tempRoot();
  mkdirSync(join(root, 'run'), { recursive: true });
  const files = certificate(root);
  const socket = join(root, 'run', 'rexray.sock');
  const child = fork(SERVER, [JSON.stringify({ home: join(root, 'home'), socket, ...files, key: KEY })]);
  const rows = {};
  try {
    const [{ addresses }] = await once(child, 'message');
    const rss = async () => {
      child.send('rss');
      return (await once(child, 'message'))[0].rssMiB;
    };
    rows['memory of the server, 11,001 volumes'] = `${await rss()} MiB`;
    const ways = {
      unix: { socket },
      TLS: { url: addresses.find((a) => a.startsWith('https:')), ca: readFileSync(files.certFile) },
    };
    for (const [what, act] of Object.entries(ACTS))
      for (const [name, to] of Object.entries(ways))
        for (const connections of [1, 32])
          rows[`${what}, ${name}, ${connections} connection${connections > 1 ? 's' : ''}`] = await measured(
            to,
            connections,
            act,
          );
    rows['memory of the server afterwards'] = `${await rss()} MiB`;
    return rows;
  } finally {
    const ended = once(child, 'exit');
    child.send('end');
    const late = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(late);
    removeRoot(root);
  }
}

export default { what: 'the REST interface over volumes in memory: server and callers are two processes', measure };
