import type { KnownFlags } from './flags/known.ts';

/**
 * Long flags in any case (REX-Ray's are camelCase, its older ones were not), and Go's `--flag=true`, `--flag=false` for
 * those that take no value.
 */
export function normalized(argv: readonly string[], known: KnownFlags): string[] {
  const end = argv.indexOf('--');
  const flags = end < 0 ? argv : argv.slice(0, end);
  return [...flags.flatMap((a) => one(a, known)), ...(end < 0 ? [] : argv.slice(end))];
}

function one(arg: string, known: KnownFlags): readonly string[] {
  const m = /^(--[^=]+)(?:=(.*))?$/s.exec(arg);
  const it = known.get(m?.[1]?.toLowerCase() ?? '');
  if (m === null || it === undefined) return [arg];
  const value = m[2];
  if (value === undefined) return [it.long];
  if (it.value) return [`${it.long}=${value}`];
  if (/^(1|t|true)$/i.test(value)) return [it.long];
  return /^(0|f|false)$/i.test(value) ? [] : [`${it.long}=${value}`];
}

/** `rexray start -f` is how REX-Ray's images start: in the foreground it always is. */
export function withoutForeground(argv: readonly string[], words: readonly string[]): readonly string[] {
  const [first, second] = words;
  if (first !== 'start' && !(first === 'service' && second === 'start')) return argv;
  return argv.filter((a) => !/^(-f|--foreground|--force)$/i.test(a));
}

const PLANNING = new Set(['volume', 'v', 'snapshot', 'snap', 'holder']);

/** `volume plan create NAME …` is `volume create NAME … --dryRun`. */
export function plansAsDryRuns(argv: readonly string[]): readonly string[] {
  const at = argv.findIndex((a, i) => a === 'plan' && PLANNING.has(argv[i - 1] ?? ''));
  if (at < 0 || argv[at + 1] === undefined || argv[at + 1]?.startsWith('-')) return argv;
  return [...argv.slice(0, at), ...argv.slice(at + 1), '--dryRun'];
}
