import type { Command } from 'commander';

/**
 * Long flags in any case (REX-Ray's are camelCase, its older ones were not), and Go's `--flag=true`, `--flag=false` for
 * those that take no value.
 */
export function normalized(argv: readonly string[], program: Command): string[] {
  const known = new Map<string, { flag: string; bool: boolean }>();
  for (const command of everyCommand(program))
    for (const o of command.options)
      if (o.long) known.set(o.long.toLowerCase(), { flag: o.long, bool: !o.required && !o.optional });
  const end = argv.indexOf('--');
  const flags = end < 0 ? argv : argv.slice(0, end);
  return [...flags.flatMap((a) => one(a, known)), ...(end < 0 ? [] : argv.slice(end))];
}

function one(arg: string, known: ReadonlyMap<string, { flag: string; bool: boolean }>): readonly string[] {
  const m = /^(--[^=]+)(?:=(.*))?$/s.exec(arg);
  const it = known.get(m?.[1]?.toLowerCase() ?? '');
  if (m === null || it === undefined) return [arg];
  const value = m[2];
  if (value === undefined) return [it.flag];
  if (!it.bool) return [`${it.flag}=${value}`];
  if (/^(1|t|true)$/i.test(value)) return [it.flag];
  return /^(0|f|false)$/i.test(value) ? [] : [`${it.flag}=${value}`];
}

function everyCommand(c: Command): readonly Command[] {
  return [c, ...c.commands.flatMap(everyCommand)];
}

/** `rexray start -f --nopid` is how REX-Ray's images start: in the foreground it always is, and a pid file there is none. */
export function withoutForeground(argv: readonly string[]): readonly string[] {
  const words = argv.filter((a) => !a.startsWith('-'));
  if (words[0] !== 'start' && !(words[0] === 'service' && words[1] === 'start')) return argv;
  return argv.filter((a) => !/^(-f|--foreground|--nopid|--force)$/i.test(a));
}

/** `volume plan create NAME …` is `volume create NAME … --dryRun`. */
export function plansAsDryRuns(argv: readonly string[]): readonly string[] {
  const at = argv.findIndex((a, i) => a === 'plan' && ['volume', 'snapshot', 'holder'].includes(argv[i - 1] ?? ''));
  if (at < 0 || argv[at + 1] === undefined || argv[at + 1]?.startsWith('-')) return argv;
  return [...argv.slice(0, at), ...argv.slice(at + 1), '--dryRun'];
}
