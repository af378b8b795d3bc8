/** `npm run quickstart`: set-up (installs and builds what changed), then the story in scripts/quickstart/main.mjs, which uses what was built. */
import { build, duration, fail, install, requireNode, run } from './setup.mjs';

requireNode();
const began = performance.now();
await install();
if ((await build()).status !== 0) fail('The build failed.');
console.log(`set-up: ${duration(performance.now() - began)}`);
const { status } = await run(process.execPath, ['scripts/quickstart/main.mjs', ...process.argv.slice(2)]);
process.exitCode = status;
