/** Opens, idles for a moment, and prints what it cost. */
const begin = performance.now();
const { openLoop } = await import('./loop.mjs');
const imported = performance.now();
const { rex } = await openLoop(process.argv[2]);
const ready = performance.now();
await new Promise((resolve) => setTimeout(resolve, 300));
console.log(
  JSON.stringify({
    importMs: imported - begin,
    openMs: ready - imported,
    readyMs: ready,
    rssMiB: process.memoryUsage.rss() / 2 ** 20,
  }),
);
await rex.close();
