import { VolumeError } from '@rexray/core';

export interface Word {
  readonly kind: 'path' | 'name' | 'literal' | 'sign';
  readonly text: string;
  readonly value?: string | number | boolean | null;
  /** Nothing stands between it and the word before. */
  readonly glued?: boolean;
}
export type Token =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'action'; readonly words: readonly Word[] };

export const wrong = (why: string, hint?: string): VolumeError<'invalid'> =>
  new VolumeError('invalid', `The template cannot be read: ${why}.`, {
    details: { path: '--format', expected: 'a Go template' },
    hint:
      hint ??
      'Supported: {{.Name}}, range, if, else, with, end, variables, | and the functions printf, json, len, index, join, upper, lower, eq, ne, lt, le, gt, ge, and, or, not.',
  });

/** Text and actions; `{{-` and `-}}` take the white space beside them away. */
export function tokens(template: string): readonly Token[] {
  const out: Token[] = [];
  let at = 0;
  let trimNext = false;
  const text = (s: string): void => {
    const t = trimNext ? s.trimStart() : s;
    if (t !== '') out.push({ kind: 'text', text: t });
  };
  for (;;) {
    const open = template.indexOf('{{', at);
    if (open < 0) break;
    const before = template.slice(at, open);
    const trimBefore = /^-\s/.test(template.slice(open + 2, open + 4));
    text(trimBefore ? before.trimEnd() : before);
    const { inner, end, trimAfter } = action(template, open + (trimBefore ? 3 : 2));
    if (!inner.startsWith('/*')) out.push({ kind: 'action', words: words(inner) });
    trimNext = trimAfter;
    at = end;
  }
  text(template.slice(at));
  return out;
}

/** Up to the `}}` that is not inside a text. */
function action(template: string, from: number): { inner: string; end: number; trimAfter: boolean } {
  let quote = '';
  for (let i = from; i < template.length; i++) {
    const c = template[i] ?? '';
    if (quote !== '') {
      if (c === '\\' && quote === '"') i += 1;
      else if (c === quote) quote = '';
    } else if (c === '"' || c === '`') quote = c;
    else if (template.startsWith('}}', i)) {
      const raw = template.slice(from, i);
      const trimAfter = /\s-$/.test(raw);
      return { inner: (trimAfter ? raw.slice(0, -1) : raw).trim(), end: i + 2, trimAfter };
    }
  }
  throw wrong('a "{{" has no "}}"');
}

const WORD =
  /\s*(?:(?<string>"(?:[^"\\]|\\.)*"|`[^`]*`)|(?<number>[+-]?\d+(?:\.\d+)?)|(?<path>\$?[A-Za-z_]\w*(?:\.\w+)*|\$(?:\.\w+)*|(?:\.\w+)+|\.)|(?<sign>:=|[|(),=]))/y;
const CONSTANTS: Readonly<Record<string, boolean | null>> = { true: true, false: false, nil: null };

function words(inner: string): readonly Word[] {
  const out: Word[] = [];
  WORD.lastIndex = 0;
  while (inner.slice(WORD.lastIndex).trim() !== '') {
    const at = WORD.lastIndex;
    const m = WORD.exec(inner);
    if (m?.groups === undefined) throw wrong(`"${inner.slice(at).trim()}" is not understood`);
    out.push({ ...word(m.groups), glued: !/^\s/.test(m[0]) });
  }
  return out;
}

function word(g: Readonly<Record<string, string | undefined>>): Word {
  if (g.string !== undefined) return { kind: 'literal', text: g.string, value: textOf(g.string) };
  if (g.number !== undefined) return { kind: 'literal', text: g.number, value: Number(g.number) };
  if (g.sign !== undefined) return { kind: 'sign', text: g.sign };
  const path = g.path ?? '';
  if (path in CONSTANTS) return { kind: 'literal', text: path, value: CONSTANTS[path] ?? null };
  return { kind: /^[.$]/.test(path) ? 'path' : 'name', text: path };
}

function textOf(quoted: string): string {
  if (quoted.startsWith('`')) return quoted.slice(1, -1);
  try {
    return JSON.parse(quoted) as string;
  } catch {
    throw wrong(`${quoted} is not a text`);
  }
}
