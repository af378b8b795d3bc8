/** `config.json` of the managed plugin: REX-Ray's places and variables, and ours, from the tables that the runtime reads. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from '../setup.mjs';

const load = (file) => import(pathToFileURL(join(ROOT, file)).href);
const OPERATIONS = 'libstorage.integration.volume.operations';

/** What decides how the plugin fits into its engine: not to be set. */
const FIXED = {
  'libstorage.service': (driver) => driver,
  // Docker looks for volumes below the propagated mount, and translates their paths.
  [`${OPERATIONS}.mount.path`]: () => '/var/lib/rexray/volumes',
  'rexray.node.pathsTranslated': () => 'true',
};
/** Other ways to name the driver. */
const LEFT_OUT = ['libstorage.driver', 'libstorage.storage.driver', 'rexray.service'];
/** State and images live on the host, so that they outlive the plugin. */
const PLACES = { REXRAY_HOME_LIB: '/data', REXRAY_HOME_LOG: '/data/log', REXRAY_HOME_RUN: '/data/run' };
/** REX-Ray's documented defaults. */
const DEFAULTS = { REXRAY_FSTYPE: 'ext4', REXRAY_LOGLEVEL: 'warn', REXRAY_PREEMPT: 'false' };
/** Variables that installations of REX-Ray's plugins set. */
const IGNORED = ['DOCKER_LEGACY', 'HTTP_PROXY', 'CSI_ENDPOINT', 'X_CSI_DRIVER', 'X_CSI_NATIVE'];

const fixed = (name, value, description) => ({ name, description, settable: null, value });
const settable = (name, description) => ({ name, description, settable: ['value'], value: DEFAULTS[name] ?? '' });
const isScalar = (s) => ['string', 'number', 'integer', 'boolean'].includes(s.type);

/** @param driver name of a package in plugins/ */
export async function pluginConfig(driver) {
  const { KEYS, envNames } = await load('packages/runtime/dist/config/index.js');
  const { plugin } = (await load(`plugins/${driver}/dist/index.js`)).default;
  const section = driver.toLowerCase();
  const schema = plugin.config['~standard'].jsonSchema.input();
  const name = (key) => KEYS.find((k) => k.key === key)?.env?.[0] ?? envNames(key)[0];
  const general = KEYS.filter(
    (k) => k.effect === undefined && !k.key.includes('<') && !(k.key in FIXED) && !LEFT_OUT.includes(k.key),
  );
  const own = Object.entries(schema.properties ?? {}).filter(([, s]) => isScalar(s));
  const known = new Set(own.map(([key]) => `${section}.${key}`.toLowerCase()));
  const inert = KEYS.filter(
    (k) => k.effect !== undefined && k.key.startsWith(`${section}.`) && !known.has(k.key.toLowerCase()),
  );
  const env = [
    ...Object.entries(PLACES).map(([n, v]) => fixed(n, v, 'Where the plugin keeps what outlives it')),
    ...Object.entries(FIXED).map(([key, value]) => fixed(name(key), value(driver), key)),
    ...general.map((k) => settable(name(k.key), `${k.key}: ${k.meaning}`)),
    ...own.map(([key, s]) => settable(name(`${section}.${key}`), `${section}.${key}: ${s.description ?? ''}`)),
    ...[...inert.map((k) => name(k.key)), ...IGNORED].map((n) => settable(n, 'Accepted, without effect')),
  ];
  return {
    description: `REX-Ray: volumes of the driver ${driver}`,
    documentation: 'docs/docker.md',
    entrypoint: ['/usr/local/bin/node', '/opt/rexray/node_modules/@rexray/cli/dist/main.js', 'start'],
    workdir: '/',
    interface: { types: ['docker.volumedriver/1.0'], socket: 'rexray.sock' },
    network: { type: 'host' },
    // Who uses a device is looked for in /proc.
    pidhost: true,
    propagatedMount: '/var/lib/rexray',
    mounts: [
      bind('dev', 'Devices of the host', '/dev', '/dev'),
      bind('data', 'Directory of the host for state and image files', '/var/lib/rexray-plugin', '/data', ['source']),
    ],
    linux: { capabilities: ['CAP_SYS_ADMIN', 'CAP_SYS_PTRACE'], allowAllDevices: true },
    env: [...new Map(env.map((e) => [e.name, e])).values()],
  };
}

const bind = (name, description, source, destination, settable = null) => ({
  name,
  description,
  source,
  destination,
  type: 'bind',
  options: ['rbind'],
  settable,
});
