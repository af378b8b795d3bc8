import { type Static, schema, Type } from '@rexray/core/schema';

const Tls = Type.Object(
  {
    certFile: Type.String({ minLength: 1, description: 'Certificate of the plugin, PEM' }),
    keyFile: Type.String({ minLength: 1, description: 'Its key, PEM' }),
    trustedCertsFile: Type.String({
      minLength: 1,
      description:
        'Certificate authority of the engines that may call, PEM: every caller must show a certificate of it',
    }),
  },
  { additionalProperties: false },
);

const Client = Type.Object(
  {
    caFile: Type.Optional(Type.String({ minLength: 1 })),
    certFile: Type.Optional(Type.String({ minLength: 1 })),
    keyFile: Type.Optional(Type.String({ minLength: 1 })),
  },
  { additionalProperties: false },
);

const Config = Type.Object(
  {
    host: Type.String({
      default: 'unix:///run/docker/plugins/rexray.sock',
      description:
        'Where engines find the plugin: `unix:///run/docker/plugins/<name>.sock` (the name is the driver’s), or `tcp://address:port` with `tls`',
    }),
    service: Type.Optional(
      Type.String({ minLength: 1, description: 'Service whose volumes it serves; default: the default service' }),
    ),
    scope: Type.Union([Type.Literal('auto'), Type.Literal('local'), Type.Literal('global')], {
      default: 'auto',
      description: 'Scope that engines are told; `auto` is what the driver says',
    }),
    discovery: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          'File that tells engines the address, `/etc/docker/plugins/<name>.spec` or `.json`; made at start, removed at the end. Needed for `tcp://` and for sockets elsewhere',
      }),
    ),
    tls: Type.Optional(Tls),
    client: Type.Optional(Client),
    engine: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          'API of the Docker engine (`unix:///run/docker.sock`). With it, holders that the engine lost are dropped once it is proven twice, at least 130 s apart, that nothing uses the volume; without it they stay until a person releases them',
      }),
    ),
    listMs: Type.Integer({
      default: 10_000,
      minimum: 10,
      maximum: 55_000,
      description: 'How long a listing may take, in ms; then what is known by then is answered',
    }),
    maxConcurrent: Type.Integer({ default: 512, minimum: 1, description: 'Calls at once; further ones are refused' }),
    maxConnections: Type.Integer({ default: 1024, minimum: 1, description: 'Connections at once' }),
    maxBodyBytes: Type.Integer({
      default: 1024 * 1024,
      minimum: 1024,
      description: 'Longest body that is read, in bytes',
    }),
  },
  { additionalProperties: false },
);
export type DockerConfig = Static<typeof Config>;
export const configSchema = schema(Config);
