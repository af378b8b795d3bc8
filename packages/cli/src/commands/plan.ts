import { usage } from '../failure.ts';
import type { Plain } from '../table/row.ts';

/** The line is read as a dry run of the verb before any command is looked for: what comes here has no verb. */
export async function plan(_p: Plain, verb: string): Promise<number> {
  throw usage(
    `"${verb}" is not a verb that can be planned.`,
    'Write "rexray volume plan create NAME --size 5", or any verb with --dryRun.',
  );
}
