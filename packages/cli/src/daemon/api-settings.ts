import type { EndpointSettings, ServerSettings, TlsSettings } from '@rexray/runtime/config';

/** `libstorage.server.*` as the settings of the REST front end. Empty where nothing is configured: then only its socket listens. */
export function apiSettings(server: ServerSettings): Readonly<Record<string, unknown>> {
  const { endpoints, auth, rateLimit, tasks, audit } = server;
  return {
    endpoints: Object.fromEntries(Object.entries(endpoints).map(([name, e]) => [name, endpointOf(e)])),
    auth,
    rateLimit,
    libstorage: tasks,
    ...(audit !== undefined && { audit }),
  };
}

const endpointOf = ({ tls, ...e }: EndpointSettings): object => ({
  ...e,
  ...(tls !== undefined && { tls: serverTls(tls) }),
});

/** Words that are about servers (`insecure`, `serverName`) say nothing about clients. */
const serverTls = (t: TlsSettings): object => ({
  ...(t.certFile !== undefined && { certFile: t.certFile }),
  ...(t.keyFile !== undefined && { keyFile: t.keyFile }),
  ...(t.trustedCertsFile !== undefined && { trustedCertsFile: t.trustedCertsFile }),
  ...(t.knownHosts[0] !== undefined && { knownHosts: t.knownHosts[0] }),
  clientCertRequired: t.clientCertRequired,
});
