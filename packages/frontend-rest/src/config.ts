import { type Static, schema, Type } from '@rexray/core/schema';

const Config = Type.Object(
  {
    socket: Type.String({
      default: '/run/rexray/rexray.sock',
      description: 'Path of the unix socket (mode 0600); its directory is made when missing (0755)',
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
    maxConnections: Type.Integer({ default: 4096, minimum: 1, description: 'Connections at once' }),
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
export const configSchema = schema(Config);
