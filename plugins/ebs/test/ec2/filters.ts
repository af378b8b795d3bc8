import type { Filter } from '@aws-sdk/client-ec2';
import { Ec2Error } from './model.ts';

const VALUES = 200;

/** EC2's filters: all must fit, any of their values, `*` and `?` unless escaped. */
export function matches(
  filters: readonly Filter[] | undefined,
  tags: ReadonlyMap<string, string>,
  fields: Readonly<Record<string, string>>,
): boolean {
  return (filters ?? []).every(({ Name: name = '', Values = [] }) => {
    if (Values.length > VALUES)
      throw new Ec2Error('FilterLimitExceeded', `The maximum number of filter values is ${VALUES}`);
    if (name === 'tag-key') return Values.some((v) => [...tags.keys()].some((k) => glob(v).test(k)));
    const have = name.startsWith('tag:') ? tags.get(name.slice(4)) : fields[name];
    if (!name.startsWith('tag:') && !(name in fields))
      throw new Ec2Error('InvalidParameterValue', `The filter '${name}' is invalid`);
    return have !== undefined && Values.some((v) => glob(v).test(have));
  });
}

function glob(pattern: string): RegExp {
  const source = pattern.replace(/\\([\\*?])|[.*+?^${}()|[\]\\]/g, (c, escaped: string | undefined) => {
    if (escaped !== undefined) return `\\${escaped}`;
    return c === '*' ? '.*' : c === '?' ? '.' : `\\${c}`;
  });
  return new RegExp(`^${source}$`, 's');
}

/** EC2's pages: 5 to `most`, by a token that says where to go on. */
export function paged<T extends { id: string }>(
  all: readonly T[],
  i: { MaxResults?: number | undefined; NextToken?: string | undefined },
  most: number,
): { items: readonly T[]; token: string | undefined } {
  if (i.MaxResults !== undefined && (i.MaxResults < 5 || i.MaxResults > most)) {
    throw new Ec2Error(
      'InvalidParameterValue',
      `Value ( ${i.MaxResults} ) for parameter maxResults is invalid. Expecting a value greater than 5.`,
    );
  }
  const after = i.NextToken === undefined ? '' : Buffer.from(i.NextToken, 'base64').toString();
  const rest = all.filter((x) => x.id > after);
  const items = rest.slice(0, i.MaxResults ?? 100_000);
  const last = items.at(-1);
  const more = items.length < rest.length && last !== undefined;
  return { items, token: more ? Buffer.from(last.id).toString('base64') : undefined };
}
