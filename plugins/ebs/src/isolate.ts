import { is, messageOf } from './errors.ts';

/**
 * Asks for many ids where one unknown id fails the whole call: the ids that EC2 names in its refusal are left out and the
 * rest is asked again; if it names none, the halves are asked. What is not in the answer does not exist.
 */
export async function isolated<T>(
  ids: readonly string[],
  o: {
    readonly absent: readonly string[];
    readonly pattern: RegExp;
    readonly ask: (ids: readonly string[]) => Promise<readonly T[]>;
  },
): Promise<readonly T[]> {
  if (ids.length === 0) return [];
  try {
    return await o.ask(ids);
  } catch (e) {
    if (!is(e, ...o.absent)) throw e;
    if (ids.length === 1) return [];
    const bad = new Set(messageOf(e).match(o.pattern) ?? []);
    const rest = ids.filter((id) => !bad.has(id));
    if (rest.length < ids.length) return isolated(rest, o);
    const half = ids.length >> 1;
    return [...(await isolated(ids.slice(0, half), o)), ...(await isolated(ids.slice(half), o))];
  }
}
