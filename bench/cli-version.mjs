/** What a health check pays: everything that is not Node itself. */
import { node, rexray } from './rig/command.mjs';

export default {
  what: '`rexray version` against a Node that does nothing',
  goal: 1.3,
  rounds: 40,
  warmUp: 3,
  sides: { 'rexray version': () => void rexray(['version']), 'node -e 0': () => void node(['-e', '0']) },
};
