/** The quick start, on what was built: under a temporary root, or with `--system` at the system's own places. */
import { loadConfig } from '@rexray/runtime/config';
import { clean, cleanEarlier } from './earlier.mjs';
import { choose } from './machine.mjs';
import { environment, makePlace, note, removeDir } from './place.mjs';
import { Interrupted, interrupt, machineState, say, showState, total } from './report.mjs';
import { readWords } from './words.mjs';

const EXIT = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };
/** One Ctrl-C may arrive twice: from the terminal, and from npm, which passes its own on. */
const SAME_KEY_MS = 500;

const { system } = readWords(process.argv.slice(2));
const chosen = choose();
console.log('REX-Ray quick start');
process.exitCode = await main();

async function main() {
  const heard = listen();
  let place;
  try {
    await cleanEarlier({ system });
    place = makePlace({ system, service: chosen.service });
    await tell(place);
    removeDir(place.dir);
    console.log(`\n${total()} in all\nquickstart: ok`);
    return 0;
  } catch (e) {
    if (!(e instanceof Interrupted)) console.error(e?.text ?? e?.message ?? e);
    const gone = place === undefined || (await clean(place));
    const end = e instanceof Interrupted ? `interrupted (${heard.signal})` : 'failed';
    console.error(`quickstart: ${end}${gone ? '; nothing of it is left' : ''}`);
    return EXIT[heard.signal] ?? 1;
  }
}

async function tell(place) {
  if (!system) Object.assign(process.env, environment(place.dir));
  const ours = system ? (await loadConfig({ config: place.config })).paths.lib : place.dir;
  say(system ? `at the system’s own places (${ours})` : `under ${place.dir}`);
  for (const sentence of chosen.notes) say(sentence);
  const before = machineState(ours);
  showState('before', before);
  const { story } = await import('./story.mjs');
  await story({ ...chosen, config: place.config, system, made: (kind, id) => note(place, kind, id) });
  const after = machineState(ours);
  showState('after', after);
  if (JSON.stringify(after) !== JSON.stringify(before)) throw new Error('quickstart: the machine is not as it was');
}

/** The first signal ends the story after the step at hand; a later one ends the program, and the next run cleans up. */
function listen() {
  const heard = { signal: undefined, at: 0 };
  const hear = (signal) => {
    if (heard.signal === undefined) {
      Object.assign(heard, { signal, at: performance.now() });
      interrupt();
      console.error(`\n${signal}: ends after this step, and what was made is given back`);
    } else if (performance.now() - heard.at > SAME_KEY_MS) {
      console.error('quickstart: interrupted; what is left is given back by the next run');
      process.exit(EXIT[signal] ?? 1);
    }
  };
  for (const signal of Object.keys(EXIT)) process.on(signal, () => hear(signal));
  // The reader of our output is gone (`| head`): there is nobody left to tell.
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', () => {
      heard.signal ??= 'SIGHUP';
      interrupt();
    });
  return heard;
}
