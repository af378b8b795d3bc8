import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Ctx, NodeFacts } from '@rexray/core';
import { type Authority, authority, type Certificate, type Cleanup, NodeProcess } from '@rexray/rig';
import { SignJWT } from 'jose';
import { type RemoteConfig, RemoteDriver } from '../src/index.ts';

const PROGRAM = fileURLToPath(new URL('server-child.ts', import.meta.url));
export const KEY = 'a secret that nobody guesses, 40 bytes +';

export const ctx = (ms = 30_000): Ctx => ({
  signal: AbortSignal.timeout(ms),
  deadline: performance.now() + ms,
  requestId: 'test',
  progress: () => undefined,
});

export const facts = (nodeId: string, bootId = `boot-of-${nodeId}`): NodeFacts => ({
  nodeId,
  bootId,
  hostname: nodeId,
  macs: [],
});

/** A token as `rexray token new` makes it; `nodes`: only for these. */
export const tokenOf = (sub: string, o: { readonly nodes?: readonly string[] } = {}): Promise<string> =>
  new SignJWT(o.nodes === undefined ? {} : { nodes: [...o.nodes] })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(sub)
    .setIssuedAt()
    .setNotBefore('0s')
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(KEY));

/** A server in a process of its own, over TLS with tokens; `restart` gives the same one with a new process on the same port. */
export class ServerProcess {
  readonly #start: {
    home: string;
    certFile: string;
    keyFile: string;
    authKey: string;
    port: number;
    services: unknown[];
  };
  readonly authority: Authority;
  readonly certificate: Certificate;
  #process: NodeProcess;
  url = '';
  token = '';

  private constructor(cleanup: Cleanup) {
    const dir = cleanup.tempDir('rexray-server-');
    this.authority = authority(dir);
    this.certificate = this.authority.sign('server');
    const { certFile, keyFile } = this.certificate;
    this.#start = { home: dir, certFile, keyFile, authKey: KEY, port: 0, services: [] };
    this.#process = this.#spawn();
    cleanup.add(() => this.kill());
  }

  static async start(cleanup: Cleanup): Promise<ServerProcess> {
    const it = new ServerProcess(cleanup);
    it.url = await it.call<string>('address');
    it.#start.port = Number(new URL(it.url).port);
    it.token = await tokenOf('agent');
    return it;
  }

  #spawn(): NodeProcess {
    return new NodeProcess(PROGRAM, this.#start, { namespaces: false });
  }

  get home(): string {
    return this.#start.home;
  }

  call<T = unknown>(verb: string, ...args: unknown[]): Promise<T> {
    return this.#process.call<T>(verb, ...args);
  }

  /** A service that a restarted server has too. */
  async serve(name: string, driver: string, config: object): Promise<void> {
    this.#start.services.push([name, driver, config]);
    await this.call('add', name, driver, config);
  }

  kill(): Promise<void> {
    return this.#process.kill();
  }

  async restart(): Promise<void> {
    this.#process = this.#spawn();
    await this.call('address');
  }

  /** How an agent reaches a service of it. */
  config(service: string, o: Partial<RemoteConfig> = {}): RemoteConfig {
    return {
      host: this.url.replace('https', 'tcp'),
      service,
      token: this.token,
      tls: { mode: 'on', trustedCertsFile: this.authority.certFile },
      patienceMs: 10_000,
      connectMs: 3_000,
      silenceMs: 20_000,
      ...o,
    };
  }

  /** A driver that has not said who it is. */
  driver(cleanup: Cleanup, service: string, o: Partial<RemoteConfig> = {}): RemoteDriver {
    const driver = new RemoteDriver(this.config(service, o));
    cleanup.add(() => driver.close());
    return driver;
  }

  /** A driver of a node that has said who it is. */
  async node(cleanup: Cleanup, service: string, nodeId: string, o: Partial<RemoteConfig> = {}): Promise<RemoteDriver> {
    const driver = this.driver(cleanup, service, o);
    await driver.whoami(facts(nodeId), ctx());
    await driver.identity({}, ctx());
    return driver;
  }
}

export const place = (cleanup: Cleanup, name = 'volumes'): string =>
  join(cleanup.tempDir('rexray-place-'), `${name}-${process.hrtime.bigint()}`);
