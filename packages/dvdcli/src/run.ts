import { about, act, fail, say } from './act.ts';
import { batch } from './batch.ts';
import { type Asked, readCommandLine, usage, VERBS, type Verb } from './command-line.ts';
import { completion, help } from './help.ts';
import type { Io } from './io.ts';
import { Drivers } from './open.ts';
import { assertNamed } from './operations.ts';
import { VERSION, versionText } from './version.ts';

/**
 * One command line, as it stands after `dvdcli`.
 * @returns the exit status: 0, or that of the error's code
 */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  let asked: Asked;
  try {
    asked = readCommandLine(argv);
    if (asked.command === undefined && !asked.stdin) throw usage('A command is missing.');
    if (isVerb(asked.command) && !asked.stdin) assertNamed(asked, VERBS[asked.command].named);
  } catch (e) {
    return fail(
      e,
      io,
      argv.some((a) => /^--?json$/i.test(a)),
    );
  }
  if (asked.command !== undefined && !isVerb(asked.command)) return aside(asked, io);
  const drivers = new Drivers(io);
  try {
    if (!asked.stdin) return await one(asked, asked.command as Verb, drivers, io);
    return await batch(asked, drivers, io);
  } finally {
    await drivers.close();
  }
}

const isVerb = (command: Asked['command']): command is Verb => command !== undefined && Object.hasOwn(VERBS, command);

/** Commands that need no driver. */
async function aside(a: Asked, io: Io): Promise<number> {
  try {
    if (a.command === 'version') {
      io.out(a.json ? `${JSON.stringify({ version: VERSION })}\n` : versionText(io.program));
      return 0;
    }
    io.out(a.command === 'completion' ? completion(a.shell) : help());
    return 0;
  } catch (e) {
    return fail(e, io, a.json);
  }
}

async function one(a: Asked, verb: Verb, drivers: Drivers, io: Io): Promise<number> {
  try {
    const done = await act(a, verb, drivers, io);
    await say(
      a.json ? `${JSON.stringify(about(a, verb, done))}\n` : done.lines.map((l) => `${l}\n`).join(''),
      done,
      io,
    );
    return 0;
  } catch (e) {
    return fail(e, io, a.json);
  }
}
