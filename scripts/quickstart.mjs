/** `npm run quickstart`: set-up (installs and builds what changed), then the story in scripts/quickstart/main.mjs, which uses what was built. */
import { readWords } from './quickstart/words.mjs';
import { build, duration, fail, install, requireNode } from './setup.mjs';

requireNode();
readWords(process.argv.slice(2));
const began = performance.now();
console.log('set-up: installs and builds what changed (the first time takes a minute or more) …');
await install();
if ((await build()).status !== 0) fail('The build failed.');
console.log(`set-up: ${duration(performance.now() - began)}`);
// In this process: Ctrl-C must reach the story once, and nobody may return to the prompt before it has cleaned up.
await import('./quickstart/main.mjs');
