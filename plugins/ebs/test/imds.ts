import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A metadata service of our own on loopback, version 2 only: a token by PUT, and nothing without it. */
export interface FakeMetadata {
  readonly endpoint: string;
  /** Method, path and whether a valid token came with it. */
  readonly asked: string[];
  /** Tokens do not come back: what a container sees whose hop limit is 1. */
  hopLimit: boolean;
  close(): Promise<void>;
}

/** @param role credentials of the role of the instance; none without it */
export async function fakeMetadata(document: object, role?: object): Promise<FakeMetadata> {
  const asked: string[] = [];
  const self = { hopLimit: false };
  const server = createServer((req, res) => {
    const token = req.headers['x-aws-ec2-metadata-token'];
    asked.push(`${req.method} ${req.url}${token === 'the-token' ? ' with token' : ''}`);
    if (req.url === '/latest/api/token') {
      if (self.hopLimit) return;
      if (req.method !== 'PUT' || req.headers['x-aws-ec2-metadata-token-ttl-seconds'] === undefined)
        return void res.writeHead(400).end();
      return void res.end('the-token');
    }
    if (token !== 'the-token') return void res.writeHead(401).end();
    if (req.url === '/latest/dynamic/instance-identity/document') return void res.end(JSON.stringify(document));
    const roles = '/latest/meta-data/iam/security-credentials/';
    if (role !== undefined && req.url === roles) return void res.end('the-role');
    if (role !== undefined && req.url === `${roles}the-role`) return void res.end(JSON.stringify(role));
    res.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(self, {
    asked,
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}
