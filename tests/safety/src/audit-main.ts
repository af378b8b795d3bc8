/** A process after the next boot: it opens what was left, and says what is wrong with it. */
import { audit } from './after.ts';
import { SCENARIOS } from './scenarios.ts';

const { home, scenario, where } = JSON.parse(process.argv[2] ?? '{}') as {
  home: string;
  scenario: string;
  where: string;
};
const found = SCENARIOS.find((s) => s.name === scenario);
if (found === undefined) throw new Error(`no scenario ${scenario}`);
await audit(home, found, where);
process.exit(0);
