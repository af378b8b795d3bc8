import { VolumeError } from '@rexray/core';

/**
 * A line of standard input as the words that a shell would make of it: quotes and backslashes, nothing else (no variables,
 * no patterns). `#` begins a comment where a word would begin.
 * @throws VolumeError `invalid` for a quote that is not closed
 */
export function wordsOf(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < line.length; at++) {
    const c = line[at] as string;
    if (/\s/.test(c)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (c === '#' && word === undefined) break;
    else if (c === '"' || c === "'") {
      const { text, end } = quoted(line, at);
      word = (word ?? '') + text;
      at = end;
    } else if (c === '\\' && at + 1 < line.length) word = (word ?? '') + line[++at];
    else word = (word ?? '') + c;
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** Between single quotes everything is text; between double ones a backslash takes `"` and `\` as they are. */
function quoted(line: string, start: number): { text: string; end: number } {
  const mark = line[start];
  let text = '';
  for (let at = start + 1; at < line.length; at++) {
    const c = line[at] as string;
    if (c === mark) return { text, end: at };
    const next = line[at + 1];
    if (c === '\\' && mark === '"' && (next === '"' || next === '\\')) {
      text += next;
      at++;
    } else text += c;
  }
  throw new VolumeError('invalid', `The quote ${mark} is not closed.`, {
    details: { path: 'line', expected: 'a closing quote' },
  });
}
