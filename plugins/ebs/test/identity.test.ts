import { Socket } from 'node:net';
import { Cleanup } from '@rexray/rig';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { realClock } from '../src/clock.ts';
import { EbsDriver } from '../src/driver.ts';
import { classify } from '../src/errors.ts';
import { faultServer } from './ec2/server.ts';
import { fakeMetadata } from './imds.ts';
import { ctxOf, OUTSIDE, settings } from './world.ts';

const FACTS = { nodeId: 'n', hostname: 'n', bootId: 'b', macs: [] };
let cleanup: Cleanup;
beforeEach(() => {
  cleanup = new Cleanup();
});
afterEach(() => cleanup.run());

async function parts(document: object = {}) {
  const server = await faultServer({ clock: realClock });
  cleanup.add(() => server.close());
  const instance = server.model.addInstance('us-east-1b').id;
  const imds = await fakeMetadata({
    instanceId: instance,
    region: 'us-east-1',
    availabilityZone: 'us-east-1b',
    ...document,
  });
  cleanup.add(() => imds.close());
  return { server, instance, imds };
}

describe('which node this is', () => {
  it('asks version 2 of the metadata service: a token first, never without', async () => {
    const { server, instance, imds } = await parts();
    const d = new EbsDriver(
      { ...settings(server.endpoint, ''), region: '', metadataEndpoint: imds.endpoint },
      { ...OUTSIDE, env: {} },
    );
    cleanup.add(() => d.close());
    expect(await d.whoami(FACTS, ctxOf())).toBe(instance);
    expect(imds.asked).toEqual(['PUT /latest/api/token', 'GET /latest/dynamic/instance-identity/document with token']);
    expect(await d.identity({}, ctxOf())).toBe('aws:123456789012:us-east-1');
  });

  it('the environment names the service, as for every AWS tool', async () => {
    const { server, instance, imds } = await parts();
    const env = { AWS_EC2_METADATA_SERVICE_ENDPOINT: imds.endpoint };
    const d = new EbsDriver(settings(server.endpoint, ''), { ...OUTSIDE, env });
    cleanup.add(() => d.close());
    expect(await d.whoami(FACTS, ctxOf())).toBe(instance);
  });

  it('a token that does not come back is explained by the hop limit', async () => {
    const { server, imds } = await parts();
    imds.hopLimit = true;
    const d = new EbsDriver(
      { ...settings(server.endpoint, ''), metadataEndpoint: imds.endpoint },
      { ...OUTSIDE, env: {} },
    );
    cleanup.add(() => d.close());
    await expect(d.whoami(FACTS, ctxOf())).rejects.toMatchObject({
      code: 'unavailable',
      hint: expect.stringContaining('hop limit to 2'),
    });
  });

  it('ebs.instanceID is asked of nobody', async () => {
    const { server, instance, imds } = await parts();
    const d = new EbsDriver(
      { ...settings(server.endpoint, instance), metadataEndpoint: imds.endpoint },
      { ...OUTSIDE, env: {} },
    );
    cleanup.add(() => d.close());
    expect(await d.whoami(FACTS, ctxOf())).toBe(instance);
    expect(imds.asked).toEqual([]);
  });

  it('the places left on this instance are its limit, less what is there', async () => {
    const { server, instance } = await parts();
    const d = new EbsDriver(settings(server.endpoint, instance), OUTSIDE);
    cleanup.add(() => d.close());
    await d.whoami(FACTS, ctxOf());
    // 28, shared with one network interface, less the root volume.
    expect(d.traits.maxAttachments).toBe(26);
  });

  it('an unknown instance is not_found', async () => {
    const { server } = await parts();
    const d = new EbsDriver(settings(server.endpoint, 'i-0123456789abcdef0'), OUTSIDE);
    cleanup.add(() => d.close());
    await expect(d.whoami(FACTS, ctxOf())).rejects.toMatchObject({ code: 'not_found' });
  });
});

/** Where sockets of this process go meanwhile. */
async function connections(f: () => Promise<unknown>): Promise<string[]> {
  const seen: string[] = [];
  const connect = Socket.prototype.connect;
  Socket.prototype.connect = function (this: Socket, ...args: unknown[]) {
    const [first] = (Array.isArray(args[0]) ? args[0] : args) as { host?: string; path?: string; port?: number }[];
    seen.push(`${first?.host ?? first?.path ?? 'localhost'}`);
    return (connect as (...a: unknown[]) => Socket).apply(this, args);
  } as typeof connect;
  try {
    await f();
  } finally {
    Socket.prototype.connect = connect;
  }
  return seen;
}

describe('nothing leaves this machine', () => {
  it('without credentials, a call sends nothing anywhere', async () => {
    const { server, instance } = await parts();
    const d = new EbsDriver(
      { ...settings(server.endpoint, instance), accessKey: '', secretKey: '', maxRetries: 0 },
      OUTSIDE,
    );
    cleanup.add(() => d.close());
    let failed: unknown;
    const seen = await connections(() => d.whoami(FACTS, ctxOf()).catch((e: unknown) => (failed = e)));
    expect(classify(failed)).toBe('unauthenticated');
    expect(seen).toEqual([]);
  });

  it('with endpoint and metadata service on loopback, every connection is to loopback', async () => {
    const { server, imds } = await parts();
    const d = new EbsDriver(
      { ...settings(server.endpoint, ''), metadataEndpoint: imds.endpoint },
      { ...OUTSIDE, env: {} },
    );
    cleanup.add(() => d.close());
    const seen = await connections(() => d.whoami(FACTS, ctxOf()));
    expect(seen.length).toBeGreaterThan(0);
    expect(new Set(seen)).toEqual(new Set(['127.0.0.1']));
  });
});
