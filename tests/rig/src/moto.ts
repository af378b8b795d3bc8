import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { describe } from 'vitest';
import type { Cleanup } from './cleanup.ts';

const PROGRAM = '/usr/bin/moto_server';
const NEEDS = `needs ${PROGRAM} (as root: tests/rig/src/moto-install.sh, which brings python3-moto of Debian trixie)`;

/** A suite that uses moto: skipped by name where it is missing, and a failure there under CI. */
export function motoSuite(name: string, body: () => void): void {
  if (existsSync(PROGRAM)) describe(name, body);
  else if (process.env.CI === 'true') {
    describe(name, () => {
      throw new Error(`${name}: ${NEEDS}; under CI this suite must run`);
    });
  } else describe.skip(`${name} [skipped: ${NEEDS}]`, body);
}

const START_MS = 30_000;

export interface Moto {
  /** EC2 of it, on loopback. */
  readonly endpoint: string;
  readonly pid: number;
  /** Forgets everything that was made. */
  reset(): Promise<void>;
  /** A running instance of its own catalogue. @returns its id */
  runInstance(zone?: string): Promise<string>;
  /** Any call of the EC2 Query interface, raw. @returns the XML */
  call(action: string, parameters: Readonly<Record<string, string>>): Promise<string>;
}

/** Starts moto, an emulator of the EC2 API, and ends it by its pid. */
export async function moto(cleanup: Cleanup): Promise<Moto> {
  const port = await freePort();
  // Debian's modules need Debian's Python; nothing that it might ask of AWS may leave this machine.
  const child = spawn('/usr/bin/python3', ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, AWS_EC2_METADATA_DISABLED: 'true', AWS_ACCESS_KEY_ID: 'x', AWS_SECRET_ACCESS_KEY: 'x' },
  });
  let said = '';
  child.stderr.on('data', (d: Buffer) => {
    said = (said + d.toString()).slice(-4000);
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  cleanup.add(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const endpoint = `http://127.0.0.1:${port}`;
  const post = (path: string): Promise<Response> => fetch(endpoint + path, { method: 'POST' });
  for (const until = performance.now() + START_MS; ; ) {
    if (
      await post('/moto-api/reset').then(
        (r) => r.ok,
        () => false,
      )
    )
      break;
    if (child.exitCode !== null || performance.now() > until) throw new Error(`moto did not start: ${said}`);
    await pause(50);
  }
  const call: Moto['call'] = async (action, parameters) => {
    const r = await fetch(endpoint, {
      method: 'POST',
      // It tells services apart by the scope of the signature, which it does not check.
      headers: {
        authorization:
          'AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/ec2/aws4_request, SignedHeaders=host, Signature=x',
      },
      body: new URLSearchParams({ Action: action, Version: '2016-11-15', ...parameters }),
    });
    const xml = await r.text();
    if (!r.ok) throw new Error(`${action}: ${r.status} ${xml.slice(0, 500)}`);
    return xml;
  };
  return {
    endpoint,
    pid: child.pid ?? 0,
    call,
    reset: async () => void (await post('/moto-api/reset')),
    async runInstance(zone = 'us-east-1a') {
      const xml = await call('RunInstances', {
        ImageId: 'ami-12c6146b',
        InstanceType: 'm5.large',
        MinCount: '1',
        MaxCount: '1',
        'Placement.AvailabilityZone': zone,
      });
      const id = /<instanceId>(i-[0-9a-f]+)</.exec(xml)?.[1];
      if (id === undefined) throw new Error(`moto ran no instance: ${xml.slice(0, 500)}`);
      return id;
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const s = createServer();
    s.once('error', reject);
    s.listen(0, '127.0.0.1', () => {
      const { port } = s.address() as AddressInfo;
      s.close(() => resolve(port));
    });
  });
}
