import { type Static, schema, Type } from '@rexray/core/schema';

const opt = Type.Optional;
const file = (description: string) => opt(Type.String({ description, format: 'path' }));
const text = (description: string) => opt(Type.String({ description }));

const Tls = Type.Object(
  {
    mode: Type.Union([Type.Literal('on'), Type.Literal('insecure'), Type.Literal('peers')], {
      default: 'on',
      description:
        '`insecure`: any certificate will do, whoever stands in between reads everything. `peers`: the server is known by the fingerprint of its certificate alone',
    }),
    trustedCertsFile: file('Authorities that sign servers, in PEM; absent: those that Node.js brings'),
    certFile: file('Certificate of this node, in PEM (mutual TLS)'),
    keyFile: file('Its private key, in PEM'),
    serverName: text('Name in the certificate of the server, where it is not that of the address'),
    knownHosts: opt(Type.Array(Type.String(), { description: 'Files of known hosts: `host sha256 fingerprint`' })),
    knownHost: text('One known host, as such a line'),
  },
  { additionalProperties: false },
);

const Config = Type.Object(
  {
    host: Type.String({
      description: 'The server: `tcp://host:port`, `https://host:port` or `unix:///path` (libstorage.host)',
    }),
    service: text('The service of the server; absent: its default one'),
    token: opt(
      Type.String({ writeOnly: true, description: 'Token that says who asks (libstorage.client.auth.token)' }),
    ),
    tokenFile: file('File that holds the token'),
    tls: opt(Tls),
    allowPlaintext: opt(
      Type.Boolean({ description: 'Send the token without TLS: whoever is on the network can keep it' }),
    ),
    node: text('What the platform calls this machine (an EC2 instance id), where the firmware does not say it'),
    patienceMs: Type.Integer({
      default: 10_000,
      minimum: 0,
      maximum: 100_000,
      description: 'How long a server that cannot be reached is tried again, in ms',
    }),
    connectMs: Type.Integer({
      default: 3_000,
      minimum: 100,
      maximum: 60_000,
      description: 'How long a connection may take to be made, in ms',
    }),
    silenceMs: Type.Integer({
      default: 20_000,
      minimum: 1_000,
      maximum: 120_000,
      description:
        'How long a server may send nothing at all before it counts as gone, in ms; it sends a sign every 10 s',
    }),
  },
  { additionalProperties: false },
);

export type RemoteConfig = Static<typeof Config>;
export const configSchema = schema(Config);

/** Only the server knows them: it refuses what its driver does not have. */
export type RemoteParams = Record<string, unknown>;
export const paramsSchema = schema(Type.Record(Type.String(), Type.Unknown()));
