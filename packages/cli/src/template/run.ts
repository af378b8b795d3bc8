import { nearest } from '@rexray/core/schema';
import { call } from './functions.ts';
import { type Expr, type Piece, parseTemplate } from './parse.ts';
import { wrong } from './tokens.ts';
import { shown, truth } from './values.ts';

/** Further names for the fields of an item: `Size` and `Status` as the table shows them. */
export type Extra = (item: unknown) => Readonly<Record<string, string>>;

/** Escapes that people type in a shell's single quotes, where they stay two characters. */
const unescaped = (template: string): string =>
  template.replace(/\\([nt\\])/g, (_, c: string) => (c === 'n' ? '\n' : c === 't' ? '\t' : '\\'));

/**
 * A Go template over the data of a command. It is used for each item and a line break is put behind it, as Docker does;
 * one that goes through the list by itself (`range .`, `len .`, `index .`) is used once.
 * @throws VolumeError `invalid`: what cannot be read, what is not supported, a field that is not there with near ones
 */
export function render(template: string, data: unknown, extra: Extra = () => ({})): string {
  const pieces = parseTemplate(outsideActions(template));
  const once = !Array.isArray(data) || wholeList(pieces);
  const items: readonly unknown[] = once ? [data] : (data as readonly unknown[]);
  const lines = items.map((item) => new Run(extra).text(pieces, item));
  return tabbed(lines.map((l) => (l.endsWith('\n') || (once && l === '') ? l : `${l}\n`)).join(''));
}

/** Inside `{{ }}` a `"\n"` is Go's own. */
const outsideActions = (template: string): string =>
  template
    .split(/(\{\{[\s\S]*?\}\})/)
    .map((part) => (part.startsWith('{{') ? part : unescaped(part)))
    .join('');

const LISTS = new Set(['len', 'index']);
const wholeList = (pieces: readonly Piece[]): boolean =>
  pieces.some(
    (p) =>
      (p.is === 'range' && p.expr.is === 'dot') ||
      (p.is === 'print' && overDot(p.expr)) ||
      ((p.is === 'if' || p.is === 'with') && (overDot(p.expr) || wholeList(p.body))) ||
      (p.is === 'set' && overDot(p.expr)),
  );
const overDot = (e: Expr): boolean =>
  (e.is === 'call' && ((LISTS.has(e.fn) && e.args[0]?.is === 'dot') || e.args.some(overDot))) ||
  (e.is === 'field' && overDot(e.of));

/** Columns by tabs, two spaces apart, as REX-Ray's tab writer did. */
function tabbed(text: string): string {
  if (!text.includes('\t')) return text;
  const rows = text.split('\n').map((l) => l.split('\t'));
  const widths: number[] = [];
  for (const row of rows)
    row.slice(0, -1).forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  return rows
    .map((row) => row.map((cell, i) => (i < row.length - 1 ? cell.padEnd((widths[i] ?? 0) + 2) : cell)).join(''))
    .join('\n');
}

class Run {
  readonly #extra: Extra;
  #root: unknown;

  constructor(extra: Extra) {
    this.#extra = extra;
  }

  text(pieces: readonly Piece[], item: unknown): string {
    this.#root = item;
    return this.#all(pieces, item, new Map());
  }

  #all(pieces: readonly Piece[], dot: unknown, outer: ReadonlyMap<string, unknown>): string {
    const vars = new Map(outer);
    return pieces.map((p) => this.#one(p, dot, vars)).join('');
  }

  #one(p: Piece, dot: unknown, vars: Map<string, unknown>): string {
    if (p.is === 'text') return p.text;
    const value = this.#value(p.expr, dot, vars);
    switch (p.is) {
      case 'print':
        return shown(value);
      case 'set':
        vars.set(p.name, value);
        return '';
      case 'if':
      case 'with': {
        if (!truth(value)) return this.#all(p.other, dot, vars);
        const [name] = p.names;
        const inner = name === undefined ? vars : new Map(vars).set(name, value);
        return this.#all(p.body, p.is === 'with' ? value : dot, inner);
      }
      case 'range':
        return this.#range(p, value, dot, vars);
    }
  }

  #range(
    p: Extract<Piece, { is: 'if' | 'with' | 'range' }>,
    value: unknown,
    dot: unknown,
    vars: Map<string, unknown>,
  ): string {
    const rows: (readonly [unknown, unknown])[] = Array.isArray(value)
      ? value.map((v, i) => [i, v] as const)
      : typeof value === 'object' && value !== null
        ? Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
        : value === undefined || value === null
          ? []
          : none(value);
    if (rows.length === 0) return this.#all(p.other, dot, vars);
    return rows
      .map(([key, v]) => {
        const inner = new Map(vars);
        const [first, second] = p.names;
        if (second !== undefined) inner.set(first ?? '', key).set(second, v);
        else if (first !== undefined) inner.set(first, v);
        return this.#all(p.body, v, inner);
      })
      .join('');
  }

  #value(e: Expr, dot: unknown, vars: ReadonlyMap<string, unknown>): unknown {
    switch (e.is) {
      case 'dot':
        return dot;
      case 'literal':
        return e.value;
      case 'variable':
        if (e.name === '$') return this.#root;
        if (!vars.has(e.name)) throw wrong(`the variable ${e.name} was not set`);
        return vars.get(e.name);
      case 'field':
        return this.#field(this.#value(e.of, dot, vars), e.name);
      case 'call':
        return call(
          e.fn,
          e.args.map((a) => this.#value(a, dot, vars)),
        );
    }
  }

  /** In any case: Go's `.Name` is `name`; and what the table shows under that heading. */
  #field(of: unknown, name: string): unknown {
    if (of === undefined || of === null) return undefined;
    if (typeof of !== 'object' || Array.isArray(of))
      throw wrong(`.${name}: ${Array.isArray(of) ? 'a list' : shown(of)} has no fields`, listHint(of));
    const extra = this.#extra(of);
    const keys = [...Object.keys(of), ...Object.keys(extra)];
    const key = keys.find((k) => k === name) ?? keys.find((k) => k.toLowerCase() === name.toLowerCase());
    if (key !== undefined) return Object.hasOwn(of, key) ? (of as Record<string, unknown>)[key] : extra[key];
    // A field that only some items have (a mountpoint) is empty, one that none has is a slip.
    if (OPTIONAL.has(name.toLowerCase())) return undefined;
    const near = nearest(name, keys);
    throw wrong(
      `there is no field .${name}`,
      near.length > 0 ? `Did you mean .${near.join(' or .')}?` : `Fields: ${keys.map((k) => `.${k}`).join(' ')}.`,
    );
  }
}

const OPTIONAL = new Set(
  'mountpoint mountroot fstype fsuuid createdat hostname pid hint default driver service volume requestid error'.split(
    ' ',
  ),
);
const listHint = (of: unknown): string | undefined => (Array.isArray(of) ? 'Go through it with {{range}}.' : undefined);
const none = (value: unknown): never => {
  throw wrong(`{{range}} cannot go through ${shown(value)}`);
};
