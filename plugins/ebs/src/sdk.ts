import type { EC2Client, EC2ClientConfig } from '@aws-sdk/client-ec2';
import { type EbsConfig, milliseconds } from './config.ts';
import type { Ec2 } from './ec2.ts';

const CONNECT_MS = 5_000;

type Sdk = typeof import('@aws-sdk/client-ec2');
type Send = (command: object, o: { abortSignal: AbortSignal }) => Promise<never>;

/** EC2 through the AWS SDK, which is loaded with the first call. Retries and rates are ours, so that each attempt is counted. */
export function sdkEc2(config: EbsConfig, region: () => Promise<string>): Ec2 {
  let opened: Promise<{ sdk: Sdk; client: EC2Client }> | undefined;
  const open = async (): Promise<{ sdk: Sdk; client: EC2Client }> => {
    const sdk = await import('@aws-sdk/client-ec2');
    const client = new sdk.EC2Client(clientSettings(config, await region()));
    client.middlewareStack.add(dated, { step: 'deserialize', priority: 'high', name: 'rexrayDated' });
    return { sdk, client };
  };
  return {
    async send(action, input, signal) {
      opened ??= open().catch((e: unknown) => {
        opened = undefined;
        throw e;
      });
      const { sdk, client } = await opened;
      const Command = sdk[`${action}Command`] as unknown as new (i: object) => object;
      return (client.send as unknown as Send).call(client, new Command(input), { abortSignal: signal });
    },
    close() {
      void opened?.then(({ client }) => client.destroy()).catch(() => undefined);
    },
  };
}

interface Reply<O> {
  response: unknown;
  output?: O;
}
/** Keeps the date of the reply with its content. */
const dated =
  <I extends object, O extends object>(next: (args: I) => Promise<Reply<O>>) =>
  async (args: I): Promise<Reply<O>> => {
    const r = await next(args);
    const said = (r.response as { headers?: Record<string, string> }).headers?.date;
    const at = said === undefined ? Number.NaN : Date.parse(said);
    if (!Number.isNaN(at) && r.output !== undefined) Object.assign(r.output, { $date: new Date(at) });
    return r;
  };

/** What the SDK is told; everything else is its own: the chain of credentials, endpoints of regions and partitions. */
export function clientSettings(c: EbsConfig, region: string): EC2ClientConfig {
  return {
    region,
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      requestTimeout: milliseconds(c.requestTimeout),
      throwOnRequestTimeout: true,
    },
    ...(c.endpoint !== '' && { endpoint: c.endpoint.includes('://') ? c.endpoint : `https://${c.endpoint}` }),
    ...(c.fips && { useFipsEndpoint: true }),
    ...(c.profile !== '' && { profile: c.profile }),
    // Absent: the SDK's own chain (environment, profiles, SSO, web identity, ECS, IMDSv2).
    ...(c.accessKey !== '' && {
      credentials: {
        accessKeyId: c.accessKey,
        secretAccessKey: c.secretKey,
        ...(c.sessionToken !== '' && { sessionToken: c.sessionToken }),
      },
    }),
  };
}
