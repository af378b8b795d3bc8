import { type Layer, VolumeError } from '@rexray/core';

/** Verbs that give a volume its name, and which argument the name is. */
const NAMING: Readonly<Record<string, number>> = { create: 0, clone: 1, 'snapshots.restore': 1, adopt: 1 };

/**
 * New volumes are named `<team>-…`; volumes that are there already are not touched by the rule.
 * @throws `denied` naming the teams, before anything was done
 */
export function namedAfter(teams: readonly string[]): Layer {
  return async (call, next) => {
    const at = NAMING[call.op];
    const name = at === undefined ? undefined : String(call.args[at]);
    if (name === undefined || teams.some((team) => name.startsWith(`${team}-`))) return next(call);
    throw new VolumeError('denied', `"${name}" does not say which team owns the volume.`, {
      details: { rule: 'naming', found: name },
      hint: `Begin its name with ${teams.map((t) => `"${t}-"`).join(' or ')}.`,
    });
  };
}
