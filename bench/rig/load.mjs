/**
 * Load on a plugin's socket, as cheap as it can be: requests made once, answers told apart by their length alone.
 * `node load.mjs <file with { socket, connections, ms, lists: [[[call, body], …], …], times? }>` prints answers a second and how
 * many failed. Connection n sends the calls of `lists[n % lists.length]` in turn, `times` over or for `ms`.
 */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';

const { socket, connections, ms, lists, times } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const bytes = ([call, body]) => {
  const text = body === null ? '' : JSON.stringify(body);
  const path = call.startsWith('/') ? call : `/VolumeDriver.${call}`;
  return Buffer.from(`POST ${path} HTTP/1.1\r\nHost: \r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
};
let answers = 0;
let failed = 0;
const began = performance.now();
const until = began + ms;
const run = (n) =>
  new Promise((resolve, reject) => {
    const asks = lists[n % lists.length].map(bytes);
    const s = connect({ path: socket });
    let at = 0;
    let want = -1;
    let got = 0;
    let head = '';
    const next = () => {
      if ((times === undefined && performance.now() > until) || (times !== undefined && at >= times * asks.length)) {
        s.destroy();
        resolve();
        return;
      }
      [want, got, head] = [-1, 0, ''];
      s.write(asks[at++ % asks.length]);
    };
    s.on('connect', next);
    s.on('error', reject);
    s.on('data', (d) => {
      if (want < 0) {
        head += d.latin1Slice(0, Math.min(d.length, 1024));
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) return;
        want = Number(/content-length: (\d+)/i.exec(head)[1]) + end + 4;
      }
      got += d.length;
      if (got < want) return;
      answers += 1;
      if (!head.startsWith('HTTP/1.1 200')) failed += 1;
      next();
    });
  });
await Promise.all(Array.from({ length: connections }, (_, n) => run(n)));
console.log(JSON.stringify({ answers, perSecond: answers / ((performance.now() - began) / 1000), failed }));
