/**
 * Writes docs/config.md from the tables and schemas that the runtime reads: `node scripts/config-docs.mjs [--check]`.
 * The sources are TypeScript, so an older Node runs it again with the workspace's newer one.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const PAGE = join(ROOT, 'docs/config.md');
const NEWER = join(ROOT, 'tests/runtimes/node_modules/.bin/node');
const SOURCES = '--conditions=@rexray/source';

const code = (text) => `\`${text}\``;
const cell = (text) => String(text).replaceAll('|', '\\|').replaceAll('\n', ' ');
const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((r) => `| ${r.map(cell).join(' | ')} |`).join('\n');

const TYPES = {
  bool: 'boolean',
  int: 'number',
  duration: 'duration',
  string: 'text',
  path: 'path',
  list: 'list',
  paths: 'list of paths',
  mode: 'octal',
  size: 'size',
  fsType: 'file system',
  logLevel: 'level',
};

/** `{ keys, envNames, legacy, aliases, drivers: [{ name, properties }] }` as the page. */
export function render({ keys, envNames, legacy, aliases, drivers }) {
  const works = keys.filter((k) => k.effect === undefined);
  const inert = keys.filter((k) => k.effect !== undefined);
  return `${readFileSync(join(ROOT, 'scripts/config-docs.head.md'), 'utf8').trim()}

## Keys

${table(
  ['Key', 'Type', 'Default', 'Meaning', 'Since', 'Environment'],
  works.map((k) => [
    code(k.key),
    TYPES[k.type],
    k.default === undefined ? '' : code(k.default),
    k.meaning,
    since(k),
    (k.key.includes('<') ? [] : envNames(k.key)).map(code).join(' '),
  ]),
)}

## Settings of drivers

They stand in a section with the name of the driver, inside the service or at the root. In the environment: name of the driver and setting with \`_\`, upper case (\`LOCAL_LOOP_VOLUMEPATH\`). A driver's earlier names are read too: ${aliases}.

${drivers.map((d) => `### ${d.name}\n\n${d.properties.length === 0 ? 'None.' : table(['Setting', 'Type', 'Default', 'Meaning'], d.properties)}`).join('\n\n')}

## Keys without effect

REX-Ray has them; files that contain them load. Those marked * are said in a warning, because whoever writes them expects something.

${table(
  ['Key', 'Meaning in REX-Ray', 'Since'],
  inert.map((k) => [`${code(k.key)}${k.effect === 'warn' ? ' *' : ''}`, k.meaning, since(k)]),
)}

## Keys of REX-Ray 0.3

They work, also in the environment (${code('REXRAY_VOLUME_MOUNT_PREEMPT')}, ${code('DOCKER_SIZE')}), where the present key is not written; a warning names it. Of ${code('rexray.storageDrivers')} the first is the service.

${table(
  ['Key', 'Now'],
  Object.entries(legacy).map(([old, now]) => [code(old), now === '' ? 'nothing' : code(now)]),
)}
`;
}

const since = (k) => (k.since === 'new' ? 'new' : `REX-Ray ${k.since}`);

/** A JSON Schema's properties as rows. */
export function settingsOf(schema, prefix = '') {
  return Object.entries(schema.properties ?? {}).flatMap(([key, s]) =>
    s.properties === undefined
      ? [
          [
            code(prefix + key),
            typeOf(s),
            s.default === undefined ? '' : code(JSON.stringify(s.default)),
            `${s.description ?? ''}${s.writeOnly ? ' Secret: never shown.' : ''}`,
          ],
        ]
      : settingsOf(s, `${prefix}${key}.`),
  );
}

function typeOf(s) {
  if (s.anyOf !== undefined) return s.anyOf.map((o) => (o.const === undefined ? typeOf(o) : code(o.const))).join(', ');
  if (s.enum !== undefined) return s.enum.map(code).join(', ');
  const type = s.type === 'array' ? `list of ${typeOf(s.items ?? {})}` : (s.type ?? 'any');
  return type === 'string' ? (s.format === 'path' ? 'path' : 'text') : type;
}

/** The page from what the sources say; `load` imports a module. */
export async function page(load = (file) => import(pathToFileURL(file).href)) {
  const { KEYS, envNames, LEGACY_KEYS, DRIVER_ALIASES } = await load(
    join(ROOT, 'packages/runtime/src/config/index.ts'),
  );
  const drivers = [];
  for (const dir of readdirSync(join(ROOT, 'plugins')).sort()) {
    const file = join(ROOT, 'plugins', dir, 'src/index.ts');
    const plugin = existsSync(file) ? (await load(file)).default?.plugin : undefined;
    if (plugin === undefined) continue;
    drivers.push({ name: plugin.name, properties: settingsOf(plugin.config['~standard'].jsonSchema.input()) });
  }
  const aliases = Object.entries(DRIVER_ALIASES)
    .map(
      ([old, a]) =>
        `${code(old)} for ${a.driver}${Object.entries(a.keys ?? {})
          .map(([k, now]) => ` (with ${code(k)} for ${code(now)})`)
          .join('')}`,
    )
    .join(', ');
  return render({ keys: KEYS, envNames, legacy: LEGACY_KEYS, aliases, drivers });
}

async function main(args) {
  if (!process.features.typescript || !process.execArgv.includes(SOURCES)) {
    const node = existsSync(NEWER) ? NEWER : process.execPath;
    process.exitCode =
      spawnSync(node, [SOURCES, fileURLToPath(import.meta.url), ...args, '--again'], { stdio: 'inherit' }).status ?? 1;
    return;
  }
  const text = await page();
  if (!args.includes('--check')) return writeFileSync(PAGE, text);
  if (existsSync(PAGE) && readFileSync(PAGE, 'utf8') === text) return;
  console.error('docs/config.md is not current. Run: node scripts/config-docs.mjs');
  process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const args = process.argv.slice(2);
  if (args.includes('--again') && !process.features.typescript) {
    console.error(
      `Node ${process.versions.node} cannot run the sources: Node 22.18 or newer is needed (npm install brings it to tests/runtimes).`,
    );
    process.exitCode = 1;
  } else await main(args);
}
