/** Go's text/template, as far as operators use it: text to a tree. What is not in the subset is refused by name. */
import { type Token, tokens, wrong } from './tokens.ts';

export type Expr =
  | { readonly is: 'dot' }
  | { readonly is: 'variable'; readonly name: string }
  | { readonly is: 'field'; readonly of: Expr; readonly name: string }
  | { readonly is: 'literal'; readonly value: string | number | boolean | null }
  | { readonly is: 'call'; readonly fn: string; readonly args: readonly Expr[] };

export type Piece =
  | { readonly is: 'text'; readonly text: string }
  | { readonly is: 'print'; readonly expr: Expr }
  | { readonly is: 'set'; readonly name: string; readonly expr: Expr }
  | {
      readonly is: 'if' | 'with' | 'range';
      readonly expr: Expr;
      /** `range $i, $v := …`, `with $x := …` */
      readonly names: readonly string[];
      readonly body: readonly Piece[];
      readonly other: readonly Piece[];
    };

/** Words of Go's language that are not in the subset. */
const REFUSED = new Set(['define', 'template', 'block', 'break', 'continue']);

/** @throws VolumeError `invalid` saying what is wrong, and where */
export function parseTemplate(text: string): readonly Piece[] {
  const p = new Parser(tokens(text));
  const pieces = p.pieces([]);
  return pieces.body;
}

type Body = { readonly body: readonly Piece[]; readonly ended: string };

class Parser {
  readonly #all: readonly Token[];
  #at = 0;

  constructor(all: readonly Token[]) {
    this.#all = all;
  }

  /** Pieces until one of the words (`end`, `else`), or the end of the text. */
  pieces(until: readonly string[]): Body {
    const body: Piece[] = [];
    for (let t = this.#all[this.#at]; t !== undefined; t = this.#all[this.#at]) {
      this.#at += 1;
      if (t.kind === 'text') body.push({ is: 'text', text: t.text });
      else {
        const word = t.words[0]?.text ?? '';
        if (t.words.length === 0) continue;
        if (word === 'end' || word === 'else') {
          if (until.includes(word)) {
            this.#at -= 1;
            return { body, ended: word };
          }
          throw wrong(`{{${word}}} has no {{if}}, {{with}} or {{range}}`);
        }
        body.push(this.#action(t));
      }
    }
    if (until.length > 0) throw wrong('an {{if}}, {{with}} or {{range}} has no {{end}}');
    return { body, ended: '' };
  }

  #action(t: Extract<Token, { kind: 'action' }>): Piece {
    const word = t.words[0]?.text ?? '';
    if (REFUSED.has(word)) throw wrong(`{{${word}}} is not supported`);
    if (word === 'if' || word === 'with' || word === 'range') return this.#block(word, new Words(t, 1));
    const w = new Words(t, 0);
    const names = w.assigned();
    const expr = w.pipeline();
    w.finished();
    const [name] = names;
    return name === undefined ? { is: 'print', expr } : { is: 'set', name, expr };
  }

  #block(is: 'if' | 'with' | 'range', w: Words): Piece {
    const names = w.assigned();
    const expr = w.pipeline();
    w.finished();
    const first = this.pieces(['end', 'else']);
    const { body } = first;
    if (first.ended === 'end') {
      this.#at += 1;
      return { is, expr, names, body, other: [] };
    }
    const t = this.#all[this.#at] as Extract<Token, { kind: 'action' }>;
    this.#at += 1;
    const next = t.words[1]?.text;
    // `else if` shares the `end` of the outer one.
    if (next === 'if' || next === 'with') return { is, expr, names, body, other: [this.#block(next, new Words(t, 2))] };
    if (next !== undefined) throw wrong(`{{else ${next}}} is not supported`);
    const { body: other, ended } = this.pieces(['end']);
    if (ended !== 'end') throw wrong('an {{else}} has no {{end}}');
    this.#at += 1;
    return { is, expr, names, body, other };
  }
}

/** The words of one action. */
class Words {
  readonly #words: Extract<Token, { kind: 'action' }>['words'];
  #at: number;

  constructor(t: Extract<Token, { kind: 'action' }>, from: number) {
    this.#words = t.words;
    this.#at = from;
  }

  #peek(): string | undefined {
    return this.#words[this.#at]?.text;
  }

  finished(): void {
    const left = this.#peek();
    if (left !== undefined) throw wrong(`"${left}" was not expected`);
  }

  /** `$x :=`, `$i, $v :=`; nothing when it is no assignment. */
  assigned(): readonly string[] {
    const ahead = this.#words.slice(this.#at).map((w) => w.text);
    const at = ahead.findIndex((w) => w === ':=' || w === '=');
    if (at < 0) return [];
    const names = ahead.slice(0, at).filter((w) => w !== ',');
    if (names.length === 0 || names.length > 2 || names.some((n) => !n.startsWith('$')))
      throw wrong(`"${ahead[at]}" needs a variable before it, such as $x`);
    this.#at += at + 1;
    return names;
  }

  /** `a | b x`: what stands before a bar is the last argument of what stands after it. */
  pipeline(): Expr {
    let value = this.#command(undefined);
    while (this.#peek() === '|') {
      this.#at += 1;
      value = this.#command(value);
    }
    return value;
  }

  #command(piped: Expr | undefined): Expr {
    const word = this.#words[this.#at];
    if (word === undefined) throw wrong('something is missing in {{ }}');
    if (word.kind === 'name') {
      this.#at += 1;
      const args: Expr[] = [];
      while (!['|', ')', undefined].includes(this.#peek())) args.push(this.#operand());
      return { is: 'call', fn: word.text, args: piped === undefined ? args : [...args, piped] };
    }
    if (piped !== undefined) throw wrong(`"${word.text}" after a bar is not a function`);
    return this.#operand();
  }

  #operand(): Expr {
    const word = this.#words[this.#at];
    if (word === undefined) throw wrong('something is missing in {{ }}');
    this.#at += 1;
    switch (word.kind) {
      case 'literal':
        return { is: 'literal', value: word.value ?? null };
      case 'path':
        return fields(word.text);
      case 'name':
        return { is: 'call', fn: word.text, args: [] };
      default:
        if (word.text !== '(') throw wrong(`"${word.text}" was not expected`);
        return this.#inner();
    }
  }

  #inner(): Expr {
    let value = this.pipeline();
    if (this.#peek() !== ')') throw wrong('a ")" is missing');
    this.#at += 1;
    const after = this.#words[this.#at];
    if (after?.kind === 'path' && after.glued === true && after.text.startsWith('.')) {
      this.#at += 1;
      for (const name of after.text.split('.').filter((n) => n !== '')) value = { is: 'field', of: value, name };
    }
    return value;
  }
}

/** `.`, `.A.B`, `$x.A` */
function fields(text: string): Expr {
  const [head = '', ...names] = text.split('.');
  let value: Expr = head === '' ? { is: 'dot' } : { is: 'variable', name: head };
  for (const name of names.filter((n) => n !== '')) value = { is: 'field', of: value, name };
  return value;
}
