import { execFileSync } from 'node:child_process';

const median = (xs) => xs.sort((a, b) => a - b)[Math.floor(xs.length / 2)];
const plugin = new URL('../plugins/ebs/dist/index.js', import.meta.url).href;

/** A process that imports the plugin, and one that also makes a call (refused at once on a closed loopback port), which loads the SDK. */
const child = (use) => `
  const { EbsDriver } = await import(${JSON.stringify(plugin)});
  const d = new EbsDriver({ region: 'us-east-1', endpoint: 'http://127.0.0.1:9', accessKey: 'x', secretKey: 'x', instanceID: 'i-0123456789abcdef0', maxRetries: 0 });
  if (${use}) {
    const ctx = { signal: AbortSignal.timeout(5000), deadline: performance.now() + 5000, requestId: 'b', progress() {} };
    await d.whoami({ nodeId: 'n', hostname: 'n', bootId: 'b', macs: [] }, ctx).catch(() => undefined);
  }
  console.log(JSON.stringify({ ms: performance.now(), rss: process.memoryUsage().rss / 2 ** 20 }));
  process.exit(0);`;

const BARE = 'console.log(JSON.stringify({ ms: performance.now(), rss: process.memoryUsage().rss / 2 ** 20 }));';
const run = (code) =>
  JSON.parse(
    execFileSync(process.execPath, ['--no-warnings', '--input-type=module', '--eval', code], {
      encoding: 'utf8',
      env: { ...process.env, AWS_EC2_METADATA_DISABLED: 'true' },
    }),
  );

export default {
  what: 'what the EBS driver costs a process: loaded, and used for the first time (the AWS SDK comes with the first call)',
  async measure() {
    const rows = {};
    for (const [name, code] of [
      ['bare Node', BARE],
      ['loaded, not used', child(false)],
      ['first call (loads the SDK)', child(true)],
    ]) {
      const runs = Array.from({ length: 5 }, () => run(code));
      rows[name] =
        `${median(runs.map((r) => r.ms)).toFixed(0)} ms, RSS ${median(runs.map((r) => r.rss)).toFixed(0)} MiB`;
    }
    return rows;
  },
};
