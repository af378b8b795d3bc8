/**
 * One server with the storage, agents with its address: each a process, over TLS with tokens. `server.yml` and `agent.yml`
 * beside this say the same to `rexray start`. Needs the program openssl.
 */
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SignJWT } from 'jose';

const home = process.env.REXRAY_HOME ?? process.cwd();
const key = randomBytes(32).toString('hex');
const [certFile, keyFile] = [join(home, 'server.crt'), join(home, 'server.key')];
const subject = ['-subj', '/CN=server', '-addext', 'subjectAltName=IP:127.0.0.1'];
const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
execFileSync('openssl', ['req', '-x509', ...curve, '-days', '2', '-keyout', keyFile, '-out', certFile, ...subject], {
  stdio: 'ignore',
});
mkdirSync(join(home, 'shared'), { recursive: true });

/** Another program of this example, told what it needs. */
function run(program: string, told: object): ReturnType<typeof spawn> {
  const file = fileURLToPath(import.meta.url).replace(/main(\.\w+)$/, `${program}$1`);
  return spawn(process.execPath, [...process.execArgv, file, JSON.stringify(told)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

const server = run('server', { home, key, certFile, keyFile });
const host = await new Promise<string>((resolve, reject) => {
  server.stdout?.once('data', (line: Buffer) => resolve(line.toString().trim()));
  server.once('exit', () => reject(new Error('the server did not start')));
});
console.log(`The server has the storage; it listens on ${host}.`);

async function agent(name: string, allowRoots: readonly string[]): Promise<void> {
  // A token for this machine alone: with it nobody can act for another one.
  const token = await new SignJWT({ nodes: [name] })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(name)
    .setIssuedAt()
    .setNotBefore('0s')
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(key));
  const child = run('agent', { name, home, host, token, ca: certFile, allowRoots });
  child.stdout?.pipe(process.stdout, { end: false });
  await new Promise((resolve) => child.once('exit', resolve));
}
await agent('one', [join(home, 'shared')]);
await agent('two', [join(home, 'shared')]);
// A machine whose operator did not say where the server may send it.
await agent('three', []);
server.kill('SIGTERM');
