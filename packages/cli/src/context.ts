import { type CallOptions, CODES, type Integration, isVolumeError, type Plan, type PlannedOp } from '@rexray/core';
import { STEP } from './columns.ts';
import { fail } from './failure.ts';
import type { Io } from './io.ts';
import { forPeople, type Printing, print } from './output.ts';
import type { Session, Target } from './session.ts';
import type { ProgressLine } from './terminal/progress.ts';

/** Flags that every command has. */
export interface GlobalFlags extends Target {
  readonly format?: string;
  readonly template?: string;
  readonly quiet?: boolean;
}
/** Flags of verbs that change something. */
export interface VerbFlags extends GlobalFlags {
  readonly dryRun?: boolean;
  readonly idempotent?: boolean;
  readonly continueOnError?: boolean;
  readonly force?: boolean;
}

/** What an action has at hand. */
export interface Context {
  readonly io: Io;
  readonly printing: Printing;
  readonly session: Session;
  readonly integration: Integration;
  readonly progress: ProgressLine;
}

/** Options that every verb gets. */
export const callOf = (c: Pick<Context, 'io' | 'progress'>): Pick<CallOptions, 'signal' | 'onProgress'> => {
  const onProgress = c.progress.listener;
  return { signal: c.io.signal, ...(onProgress !== undefined && { onProgress }) };
};

/**
 * A verb for each name. The first error ends it after what was done has been printed, unless `--continueOnError`.
 * @returns the exit status
 */
export async function forEach<T>(
  c: Context,
  names: readonly string[],
  flags: VerbFlags,
  act: (name: string) => Promise<T>,
  show: (done: readonly T[]) => Promise<void>,
): Promise<number> {
  const done: T[] = [];
  let status = 0;
  for (const name of names) {
    try {
      done.push(await act(name));
    } catch (e) {
      status ||= isVolumeError(e) ? CODES[e.code].exit : CODES.internal.exit;
      if (flags.continueOnError !== true) {
        if (done.length > 0) await show(done);
        throw e;
      }
      c.progress.end();
      fail(e, c.io, c.printing);
    }
  }
  await show(done);
  return status;
}

/** What the verb would do with each name. Forbidden is an exit status too. */
export async function dryRun(
  c: Context,
  op: PlannedOp,
  names: readonly string[],
  options: Readonly<Record<string, unknown>>,
): Promise<number> {
  const plans: Plan[] = [];
  for (const name of names) plans.push(await c.integration.plan(op, name, options));
  if (c.printing.format === 'table') for (const p of plans) await showPlan(c, p);
  else await print(c.io, c.printing, plans);
  const no = plans.flatMap((p) => p.forbidden)[0];
  return no === undefined ? 0 : CODES[no.code as keyof typeof CODES].exit;
}

async function showPlan(c: Context, p: Plan): Promise<void> {
  c.io.out(`${p.op} "${p.volume}" in service "${p.service}":${p.noop ? ' nothing to do' : ''}\n`);
  if (p.steps.length > 0) await print(c.io, { ...c.printing, quiet: true }, p, { rows: p.steps, columns: STEP });
  for (const f of p.forbidden)
    c.io.out(`forbidden: ${f.code}: ${f.message}${f.hint === undefined ? '' : ` ${f.hint}`}\n`);
  notes(c, p.notes);
}

export function notes(c: Pick<Context, 'io' | 'printing'>, said: readonly string[]): void {
  if (forPeople(c.printing) && !c.printing.quiet) for (const n of said) c.io.err(`note: ${n}\n`);
}
