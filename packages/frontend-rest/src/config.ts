import { type Static, schema, Type } from '@rexray/core/schema';

const opt = Type.Optional;
const file = (description: string) => opt(Type.String({ description }));
const names = (description: string) => opt(Type.Array(Type.String(), { description }));

const Tls = Type.Object(
  {
    certFile: file('Certificate of the server, in PEM, with those in between after it'),
    keyFile: file('Its private key, in PEM'),
    trustedCertsFile: file(
      'Authorities that sign clients, in PEM: a client may show a certificate, and is who it says',
    ),
    knownHosts: file('Clients by the fingerprint of their certificate: lines "name sha256 fingerprint"'),
    clientCertRequired: Type.Boolean({ default: false, description: 'A client without a good certificate is refused' }),
  },
  { additionalProperties: false },
);

const Endpoint = Type.Object(
  {
    address: Type.String({ description: '`tcp://host:port`, `tcp://:port` (every address) or `unix:///path`' }),
    tls: opt(Tls),
    allowPlaintext: Type.Boolean({
      default: false,
      description: 'TCP without TLS, in so many words: whoever is on the network reads everything, tokens included',
    }),
    allowAnonymous: Type.Boolean({
      default: false,
      description: 'TCP without authentication, in so many words: whoever reaches the port may do everything',
    }),
  },
  { additionalProperties: false },
);

const Rules = {
  allow: names('Who may: subjects of tokens or names of certificates, tokens, or `tag:token`; empty: everyone'),
  deny: names('Who may not; comes before `allow`. Alone it means everyone but these'),
};

const Auth = Type.Object(
  {
    key: opt(
      Type.String({
        writeOnly: true,
        description:
          'Key that tokens are verified with: a text (HS…), a public key in PEM, or the path of a file with one',
      }),
    ),
    alg: Type.String({ default: 'HS256', description: 'HS, RS, PS or ES with 256, 384 or 512' }),
    ...Rules,
    services: Type.Record(Type.String(), Type.Object(Rules, { additionalProperties: false }), {
      default: {},
      description: 'The same for single services, by their names',
    }),
  },
  { additionalProperties: false },
);

const Rate = Type.Object(
  {
    perSecond: Type.Integer({
      default: 200,
      minimum: 0,
      description: 'Requests of one caller a second, on TCP; further ones are answered 429. 0: no limit',
    }),
    burst: Type.Integer({ default: 400, minimum: 1, description: 'How many may come at once' }),
  },
  { additionalProperties: false },
);

const V1 = Type.Object(
  {
    enabled: Type.Boolean({
      default: true,
      description: 'The routes of libStorage (/volumes, /snapshots, …) are there',
    }),
    exeTimeoutMs: Type.Integer({
      default: 60_000,
      minimum: 1,
      description: 'How long a libStorage request waits for its task before it is answered 408 with the task, in ms',
    }),
    logTimeoutMs: Type.Integer({
      default: 600_000,
      minimum: 0,
      description: 'How long ended tasks can be read, in ms',
    }),
  },
  { additionalProperties: false },
);

const Config = Type.Object(
  {
    socket: Type.String({
      default: '/run/rexray/rexray.sock',
      description: 'Path of the unix socket (mode 0600); its directory is made when missing (0755)',
    }),
    endpoints: Type.Record(Type.String(), Endpoint, {
      default: {},
      description: 'Where else it listens, by name',
    }),
    auth: Auth,
    rateLimit: Rate,
    libstorage: V1,
    audit: Type.String({
      default: '',
      description:
        'File to which every call that changes something adds a line of JSON (mode 0600); empty: the log alone',
    }),
    maxConcurrent: Type.Integer({
      default: 256,
      minimum: 1,
      description: 'Verbs at once; further ones are answered "unavailable" with Retry-After',
    }),
    maxBodyBytes: Type.Integer({
      default: 256 * 1024,
      minimum: 1024,
      description: 'Longest body that is read, in bytes',
    }),
    maxConnections: Type.Integer({ default: 4096, minimum: 1, description: 'Connections at once, for each endpoint' }),
    maxListeners: Type.Integer({ default: 2048, minimum: 1, description: 'Streams of events at once' }),
    eventBuffer: Type.Integer({
      default: 1000,
      minimum: 1,
      description: 'Events kept for listeners that come back (Last-Event-ID)',
    }),
    keepMs: Type.Integer({
      default: 600_000,
      minimum: 1000,
      description: 'How long ended asynchronous operations and answers to an Idempotency-Key are kept, in ms',
    }),
    keepCount: Type.Integer({ default: 1000, minimum: 1, description: 'How many of each are kept at most' }),
    signMs: Type.Integer({
      default: 10_000,
      minimum: 10,
      // Clients take 30 s without a byte for a dead server.
      maximum: 15_000,
      description: 'How often a verb that runs and a stream without events show that the server lives, in ms',
    }),
  },
  { additionalProperties: false },
);
export type RestConfig = Static<typeof Config>;
export type EndpointConfig = Static<typeof Endpoint>;
export type EndpointTls = Static<typeof Tls>;
export type AuthConfig = Static<typeof Auth>;
export const configSchema = schema(Config);
