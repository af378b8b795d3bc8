import type { Env } from './environment.ts';
import { invalid, type Place } from './invalid.ts';

/**
 * `$NAME` and `${NAME}` in a path of an operator file (S23: nowhere else). The longest name counts, so `$HOMEX` is not
 * `$HOME` and an X; `$$` is a dollar sign.
 * @throws VolumeError `invalid` naming a variable that is not set: an empty one would move data to another place
 */
export function expand(text: string, env: Env, blame: { readonly key: string; readonly place: Place }): string {
  return text.replace(
    /\$(?:(\$)|\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))/g,
    (_all, dollar: string | undefined, braced: string | undefined, bare: string | undefined) => {
      if (dollar !== undefined) return '$';
      const name = braced ?? bare ?? '';
      const value = env[name];
      if (value !== undefined && value !== '') return value;
      throw invalid({
        ...blame,
        value: text,
        expected: `a path whose variables are set`,
        why: `names $${name}, which is not set`,
        hint: `Set ${name} for this process, or write the path out.`,
      });
    },
  );
}
