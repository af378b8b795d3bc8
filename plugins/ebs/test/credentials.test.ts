import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DescribeVolumesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { Cleanup } from '@rexray/rig';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { realClock } from '../src/clock.ts';
import { type EbsConfig, withDefaults } from '../src/config.ts';
import { EbsDriver } from '../src/driver.ts';
import { clientSettings } from '../src/sdk.ts';
import { faultServer } from './ec2/server.ts';
import { fakeMetadata } from './imds.ts';
import { ctxOf, ISOLATED, OUTSIDE, settings } from './world.ts';

let cleanup: Cleanup;
const before = { ...process.env };
beforeEach(() => {
  cleanup = new Cleanup();
  // Nothing of this machine: whoever tests has credentials of his own.
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name];
  Object.assign(process.env, ISOLATED, { HOME: cleanup.tempDir() });
});
afterEach(async () => {
  for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
  Object.assign(process.env, before);
  await cleanup.run();
});

const SOON = new Date(Date.now() + 3_600_000).toISOString();

/** A service on loopback that answers every request the same. */
async function answering(body: string, type = 'application/json'): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((req, res) => {
    asked.push(`${req.method} ${req.url}`);
    res.writeHead(200, { 'content-type': type }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanup.add(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}
function file(name: string, text: string): string {
  const path = join(process.env.HOME ?? '', name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
  return path;
}

/** Who a call is signed by. */
async function signer(config: Partial<EbsConfig> = {}): Promise<string[]> {
  const server = await faultServer({ clock: realClock });
  cleanup.add(() => server.close());
  const { accessKey: _, secretKey: __, ...rest } = settings(server.endpoint, server.model.addInstance().id);
  const d = new EbsDriver({ ...rest, ...config }, OUTSIDE);
  cleanup.add(() => d.close());
  await d.whoami({ nodeId: 'n', hostname: 'n', bootId: 'b', macs: [] }, ctxOf());
  return [...server.signers];
}

describe('credentials, each source on loopback', () => {
  it('keys of the configuration come first', async () => {
    process.env.AWS_ACCESS_KEY_ID = 'OTHER';
    process.env.AWS_SECRET_ACCESS_KEY = 'x';
    expect(await signer({ accessKey: 'CONFIGURED', secretKey: 'x' })).toEqual(['CONFIGURED']);
  });

  it('environment', async () => {
    process.env.AWS_ACCESS_KEY_ID = 'ENVIRONMENT';
    process.env.AWS_SECRET_ACCESS_KEY = 'x';
    expect(await signer()).toEqual(['ENVIRONMENT']);
  });

  it('a profile of the shared files, by ebs.profile', async () => {
    const entry = (name: string, key: string) => `[${name}]\naws_access_key_id = ${key}\naws_secret_access_key = x\n`;
    process.env.AWS_SHARED_CREDENTIALS_FILE = file(
      '.aws/credentials',
      entry('default', 'DEFAULT') + entry('work', 'WORK'),
    );
    expect(await signer()).toEqual(['DEFAULT']);
    expect(await signer({ profile: 'work' })).toEqual(['WORK']);
  });

  it('IRSA: the token of a file against a role, at STS', async () => {
    const sts = await answering(
      `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>WEBIDENTITY</AccessKeyId><SecretAccessKey>x</SecretAccessKey><SessionToken>t</SessionToken><Expiration>${SOON}</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`,
      'text/xml',
    );
    process.env.AWS_WEB_IDENTITY_TOKEN_FILE = file('token', 'a.b.c');
    process.env.AWS_ROLE_ARN = 'arn:aws:iam::123456789012:role/r';
    process.env.AWS_ENDPOINT_URL_STS = sts.url;
    expect(await signer()).toEqual(['WEBIDENTITY']);
    expect(sts.asked).toEqual(['POST /']);
  });

  it('SSO: the token that a login left, at the portal', async () => {
    const role = { accessKeyId: 'SSO', secretAccessKey: 'x', sessionToken: 't', expiration: Date.now() + 3_600_000 };
    const portal = await answering(JSON.stringify({ roleCredentials: role }));
    process.env.AWS_CONFIG_FILE = file(
      '.aws/config',
      '[profile people]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\n[sso-session s]\nsso_region = us-east-1\nsso_start_url = https://127.0.0.1/start\n',
    );
    const cached = createHash('sha1').update('s').digest('hex');
    file(`.aws/sso/cache/${cached}.json`, JSON.stringify({ accessToken: 'a', expiresAt: SOON }));
    process.env.AWS_ENDPOINT_URL_SSO = portal.url;
    expect(await signer({ profile: 'people' })).toEqual(['SSO']);
    expect(portal.asked[0]).toContain('/federation/credentials');
  });

  it('ECS: the address that the task was given', async () => {
    const keys = { AccessKeyId: 'CONTAINER', SecretAccessKey: 'x', Token: 't', Expiration: SOON };
    const agent = await answering(JSON.stringify(keys));
    process.env.AWS_CONTAINER_CREDENTIALS_FULL_URI = `${agent.url}/creds`;
    expect(await signer()).toEqual(['CONTAINER']);
  });

  it('the role of the instance, by version 2 of the metadata service', async () => {
    const keys = { Code: 'Success', AccessKeyId: 'INSTANCE', SecretAccessKey: 'x', Token: 't', Expiration: SOON };
    const imds = await fakeMetadata({}, keys);
    cleanup.add(() => imds.close());
    delete process.env.AWS_EC2_METADATA_DISABLED;
    process.env.AWS_EC2_METADATA_SERVICE_ENDPOINT = imds.endpoint;
    expect(await signer()).toEqual(['INSTANCE']);
    expect(imds.asked[0]).toBe('PUT /latest/api/token');
    expect(imds.asked.slice(1).every((x) => x.endsWith('with token'))).toBe(true);
  });
});

describe('where calls go', () => {
  /** The address of a call, which is not sent. */
  async function addressOf(config: Partial<EbsConfig>, region = 'us-east-1'): Promise<string> {
    let address = '';
    const client = new EC2Client({
      ...clientSettings(withDefaults({ accessKey: 'x', secretKey: 'x', ...config }), region),
      requestHandler: {
        handle: async ({ protocol, hostname, port }: { protocol: string; hostname: string; port?: number }) => {
          address = `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}`;
          throw new Error('not sent');
        },
      } as never,
    });
    await client.send(new DescribeVolumesCommand({})).catch(() => undefined);
    client.destroy();
    return address;
  }

  it.each<[string, Partial<EbsConfig>, string, string]>([
    ['the region', {}, 'eu-west-1', 'https://ec2.eu-west-1.amazonaws.com'],
    ['the partition of a region', {}, 'cn-north-1', 'https://ec2.cn-north-1.amazonaws.com.cn'],
    ['FIPS', { fips: true }, 'us-east-1', 'https://ec2-fips.us-east-1.amazonaws.com'],
    ['an endpoint', { endpoint: 'http://10.0.0.1:8080' }, 'us-east-1', 'http://10.0.0.1:8080'],
    ['an endpoint without scheme', { endpoint: 'ec2.internal:8443' }, 'us-east-1', 'https://ec2.internal:8443'],
  ])('%s', async (_, config, region, expected) => {
    expect(await addressOf(config, region)).toBe(expected);
  });
});
