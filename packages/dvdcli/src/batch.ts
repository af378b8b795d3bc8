import { CODES } from '@rexray/core';
import { about, act, asError, fail, say } from './act.ts';
import { type Asked, readCommandLine, usage, VERBS, type Verb } from './command-line.ts';
import type { Io } from './io.ts';
import type { Drivers } from './open.ts';
import { assertNamed } from './operations.ts';
import { wordsOf } from './words.ts';

/**
 * An operation a line, in order, each as it comes: one start of this program for many volumes, or a companion of another
 * program. What stands on the command line holds for every line that does not say otherwise. A line that fails does not
 * end it; with `--json` each line is answered by one line.
 * @returns the exit status of the first line that failed
 */
export async function batch(given: Asked, drivers: Drivers, io: Io): Promise<number> {
  let status = 0;
  let number = 0;
  for await (const line of io.lines()) {
    number += 1;
    if (io.stop.asked) break;
    let asked = given;
    try {
      const words = wordsOf(line);
      if (words.length === 0) continue;
      asked = readCommandLine(words, given);
      const verb = verbOf(asked);
      const done = await act(asked, verb, drivers, io);
      const text = given.json
        ? `${JSON.stringify({ line: number, ...about(asked, verb, done) })}\n`
        : done.lines.map((l) => `${l}\n`).join('');
      await say(text, done, io);
    } catch (e) {
      const exit = refuse(e, { line: number, asked, json: given.json }, io);
      status ||= exit;
      // Without a reader there is nobody to work for.
      if (asError(e).code === 'canceled') break;
    }
  }
  return status || (io.stop.asked ? CODES.canceled.exit : 0);
}

function verbOf(a: Asked): Verb {
  if (a.command === undefined || !Object.hasOwn(VERBS, a.command))
    throw usage(`"${a.command ?? ''}" is no operation.`, `Write one of ${Object.keys(VERBS).join(' ')} first.`);
  const verb = a.command as Verb;
  assertNamed(a, VERBS[verb].named);
  return verb;
}

function refuse(e: unknown, at: { line: number; asked: Asked; json: boolean }, io: Io): number {
  if (!at.json) return fail(e, io, false, `line ${at.line}: `);
  const error = asError(e);
  const { command: op, name: volume, driver } = at.asked;
  const answer = { line: at.line, op, driver, volume, error: error.toJSON() };
  try {
    io.out(`${JSON.stringify(answer)}\n`);
  } catch {
    return fail(e, io, true);
  }
  return CODES[error.code].exit;
}
