/** A listing through the daemon: start of the program, question, answer of a thousand volumes, table. */
import { daemonWith, node, rexray } from './rig/command.mjs';

const VOLUMES = 1000;

export default {
  what: `\`rexray volume ls\` of ${VOLUMES} volumes through the daemon, against a Node that does nothing`,
  goal: 2,
  rounds: 40,
  warmUp: 5,
  setUp: () => daemonWith(VOLUMES),
  tearDown: (d) => d.stop(),
  sides: {
    'rexray volume ls': (d) => {
      const lines = rexray(['volume', 'ls'], d.env).split('\n').length;
      if (lines !== VOLUMES + 2) throw new Error(`${lines} lines`);
    },
    'node -e 0': (d) => void node(['-e', '0'], d.env),
  },
};
