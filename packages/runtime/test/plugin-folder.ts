/** Packages in a temporary node_modules, as npm would leave them. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export function install(
  dir: string,
  name: string,
  o: { readonly files?: Record<string, string>; readonly manifest?: object; readonly version?: string },
): string {
  const at = join(dir, 'node_modules', name);
  const manifest = {
    name,
    version: o.version ?? '1.0.0',
    type: 'module',
    exports: { default: './index.js' },
    ...o.manifest,
  };
  const files: Record<string, string> = { 'package.json': JSON.stringify(manifest), ...o.files };
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(at, file)), { recursive: true });
    writeFileSync(join(at, file), text);
  }
  return at;
}

/** What a package built against another copy of core has: the same data and brands, none of our objects. */
export const driverSource = (
  name: string,
  o: { readonly api?: number; readonly deps?: string; readonly more?: string } = {},
): string => `
const schema = (properties, check) => ({ '~standard': { version: 1, vendor: 'other', validate: (v) => check(v ?? {}), jsonSchema: { input: () => ({ type: 'object', properties }) } } });
const config = schema({ size: { type: 'integer' }, token: { type: 'string', writeOnly: true } }, (v) =>
  v.size === 'bad' ? { issues: [{ message: 'must be a number', path: ['size'] }] } : { value: { size: 1, ...v } });
class OtherError extends Error {
  constructor() { super('of another core'); this.code = 'busy'; this.details = {}; this[Symbol.for('@rexray/core/VolumeError')] = true; }
}
export class Driver {
  constructor(...args) { this.args = args; this.traits = {}; }
  async get() { throw new OtherError(); }
}
const plugin = { kind: 'storage', name: ${JSON.stringify(name)}, api: ${o.api ?? 1}, core: '9.9.9', config, params: schema({}, (value) => ({ value })), deps: [${o.deps ?? "Symbol.for('@rexray/config'), Symbol.for('@rexray/logger'), Symbol.for('@rexray/service'), Symbol.for('@rexray/lib-dir')"}], driver: Driver };
${o.more ?? ''}
export default Object.assign((c = {}) => ({ plugin, config: c }), { plugin });
`;
