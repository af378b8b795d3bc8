/** Holds the sources against the import rules (import-rules.mjs). `node scripts/lint-imports.mjs [root]`; status 1 on a violation. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, normalize } from 'node:path';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseSync, Visitor } from 'oxc-parser';
import { COMPUTED, CONTRACT_SUITES, CORE_MAY, FILES, HOMES, PACKAGES } from './import-rules.mjs';

const GROUPS = ['packages', 'plugins', 'examples', 'tests'];
const SOURCE = /\.[cm]?tsx?$/;

/** Violations as sentences `file:line: …`. */
export function lintImports(root) {
  return packagesOf(root).flatMap((pkg) => sourcesOf(root, pkg.dir).flatMap((file) => lintFile(root, pkg, file)));
}

function packagesOf(root) {
  return GROUPS.filter((g) => existsSync(join(root, g))).flatMap((group) =>
    readdirSync(join(root, group))
      .map((name) => `${group}/${name}`)
      .filter((dir) => existsSync(join(root, dir, 'package.json')))
      .map((dir) => {
        const json = JSON.parse(readFileSync(join(root, dir, 'package.json'), 'utf8'));
        const declared = new Set(
          Object.keys({ ...json.dependencies, ...json.peerDependencies, ...json.optionalDependencies }),
        );
        return { dir, name: json.name, declared, development: new Set(Object.keys(json.devDependencies ?? {})) };
      }),
  );
}

function sourcesOf(root, dir) {
  return ['src', 'test'].flatMap((part) => {
    const at = join(root, dir, part);
    if (!existsSync(at)) return [];
    const files = readdirSync(at, { recursive: true }).filter((f) => SOURCE.test(f) && !f.includes('node_modules'));
    return files.map((f) => join(dir, part, f));
  });
}

function lintFile(root, pkg, file) {
  const text = readFileSync(join(root, file), 'utf8');
  return importsOf(file, text).flatMap((found) => {
    const why = judge(pkg, file, found);
    return why === undefined ? [] : [`${file}:${text.slice(0, found.at).split('\n').length}: ${why}`];
  });
}

/** `{ name, at, dynamic }`; `name` is undefined where it is computed. */
export function importsOf(file, text) {
  const { module, program, errors } = parseSync(file, text);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0].message}`);
  const fixed = [...module.staticImports, ...module.staticExports.flatMap((e) => e.entries)]
    .filter((x) => x.moduleRequest)
    .map(({ moduleRequest: m }) => ({ name: m.value, at: m.start, dynamic: false }));
  const dynamic = module.dynamicImports.map(({ moduleRequest: m }) => {
    const literal = /^(['"`])([^$]*)\1$/s.exec(text.slice(m.start, m.end));
    return { name: literal?.[2], at: m.start, dynamic: true };
  });
  return [...fixed, ...dynamic, ...hiddenImports(program)];
}

/** Calls of a function that is `require`, made by createRequire, or called so. */
const requires = (callee) => callee.name === 'require' || callee.callee?.name === 'createRequire';

/** `require('x')`, and types written as `import('x').T`. */
function hiddenImports(program) {
  const found = [];
  new Visitor({
    TSImportType: ({ source }) => void found.push({ name: source.value, at: source.start, dynamic: false }),
    CallExpression({ callee, arguments: [first] }) {
      if (!requires(callee) || typeof first?.value !== 'string') return;
      found.push({ name: first.value, at: first.start, dynamic: false });
    },
  }).visit(program);
  return found;
}

function judge(pkg, file, { name, dynamic }) {
  if (name === undefined) {
    return COMPUTED.test(file) ? undefined : 'only the plugin loader (packages/runtime) imports a computed name';
  }
  if (name.startsWith('.')) return judgeRelative(pkg, file, name);
  const [first, second] = name.split('/');
  const target = name.startsWith('@') ? `${first}/${second}` : first;
  if (target === pkg.name) return undefined;
  return file.startsWith(`${pkg.dir}/src/`)
    ? (judgeOwn(pkg, file, target, dynamic) ?? judgeForeign(pkg, file, name, target))
    : judgeDeclared(pkg, target, true);
}

function judgeRelative(pkg, file, name) {
  const target = normalize(join(dirname(file), name));
  const suite = !file.startsWith(`${pkg.dir}/src/`) && CONTRACT_SUITES.test(target);
  return target.startsWith(`${pkg.dir}/`) || suite
    ? undefined
    : `"${name}" leaves the package: import it by its package name`;
}

function judgeOwn(pkg, file, target, dynamic) {
  if (!target.startsWith('@rexray/')) return undefined;
  const short = target.slice('@rexray/'.length);
  const rule = PACKAGES.find((r) => r.dir.test(pkg.dir));
  const extra = FILES.find((f) => f.file.test(file))?.own ?? [];
  if ([...(rule?.own ?? []), ...extra].some((o) => (o instanceof RegExp ? o.test(short) : o === short)))
    return undefined;
  if (rule?.byName?.test(short))
    return dynamic ? undefined : `${target} may only be loaded by import(name), so that it stays replaceable`;
  return `${pkg.dir} may not import ${target}`;
}

function judgeForeign(pkg, file, name, target) {
  const key = [target, name].find((n) => Object.hasOwn(HOMES, n));
  if (key !== undefined && !HOMES[key].test(file)) return `${key} has its home elsewhere (${HOMES[key].source})`;
  if (pkg.dir === 'packages/core' && ![target, name].some((n) => CORE_MAY.includes(n)))
    return `core does no I/O and needs no ${name}`;
  return judgeDeclared(pkg, target, pkg.dir.startsWith('tests/'));
}

function judgeDeclared(pkg, target, development) {
  if (isBuiltin(target)) return target.startsWith('node:') ? undefined : `write node:${target}`;
  const there = pkg.declared.has(target) || (development && (pkg.development.has(target) || target === 'vitest'));
  return there ? undefined : `${target} is not in the dependencies of ${pkg.dir}/package.json`;
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const root = argv[2] ?? dirname(dirname(fileURLToPath(import.meta.url)));
  const found = lintImports(root);
  for (const line of found) console.error(line);
  console.log(found.length === 0 ? 'imports: ok' : `imports: ${found.length} violations`);
  process.exitCode = found.length === 0 ? 0 : 1;
}
