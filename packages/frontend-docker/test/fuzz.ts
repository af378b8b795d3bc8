import http from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { expect } from 'vitest';
import { CALLS } from '../src/calls.ts';
import { ask, bytesOf, type Cleanup, plug } from './plugged.ts';

const calls = Object.keys(CALLS);
const name = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('a', 'b', 'c') },
  fc.string({ maxLength: 300 }),
  fc.constantFrom('', '.', '..', '../x', '/etc', '-rf', 'a/b', 'a\0b', '__proto__', 'x'.repeat(300), 'é', '\u202e'),
);
const option = fc.tuple(
  fc.oneof(
    fc.constantFrom('size', 'iops', 'newFsType', 'overwriteFs', 'mode', 'from', '__proto__', 'label.x'),
    fc.string(),
  ),
  fc.oneof(
    fc.constantFrom('1', '10g', 'xfs', 'true', '0700', 'size=5,iops=x', '99999999999999999999', '-1', ''),
    fc.string(),
  ),
);
const anyJson = fc.jsonValue({ maxDepth: 4 });
const body = fc.oneof(
  fc
    .record(
      {
        Name: name,
        ID: fc.oneof(fc.constantFrom('1', '2'), fc.string()),
        Opts: fc.array(option, { maxLength: 4 }).map(Object.fromEntries),
      },
      { requiredKeys: [] },
    )
    .map((x) => JSON.stringify(x)),
  fc
    .record({ Name: fc.oneof(name, anyJson), ID: anyJson, Opts: anyJson }, { requiredKeys: [] })
    .map((x) => JSON.stringify(x)),
  anyJson.map((x) => JSON.stringify(x)),
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.constantFrom(
    '',
    '{',
    '[',
    '[['.repeat(5000),
    '{"Name":'.repeat(1000),
    '\ufeff{"Name":"a"}',
    '{"Name":"a"}{"Name":"b"}',
  ),
);
/** Well-formed or not: what another program could write on the socket. */
const stream = fc.oneof(
  fc.uint8Array({ maxLength: 400 }).map((b) => Buffer.from(b)),
  fc
    .tuple(fc.constantFrom(...calls), body, fc.integer({ min: -3, max: 300 }), fc.boolean())
    .map(([call, text, extra, chunked]) =>
      Buffer.from(
        chunked
          ? `POST ${call} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${(Buffer.byteLength(text) + extra).toString(16)}\r\n${text}\r\n0\r\n\r\n`
          : `POST ${call} HTTP/1.1\r\nHost: x\r\nContent-Length: ${Math.max(0, Buffer.byteLength(text) + extra)}\r\n\r\n${text}`,
      ),
    ),
  fc
    .tuple(fc.constantFrom('GET', 'POST', 'PRI', 'post', 'CONNECT'), fc.string(), fc.string())
    .map(([m, p, h]) => Buffer.from(`${m} /${p} HTTP/1.1\r\n${h}\r\n\r\n`, 'latin1')),
);

export interface FuzzRun {
  readonly bodies: number;
  readonly streams: number;
  readonly seed: number;
}

/** Bodies and byte streams against a real socket: never a crash, never an action without a valid name, an error never with status 200. */
export async function fuzz(
  cleanup: Cleanup,
  { bodies, streams, seed }: FuzzRun,
): Promise<{ readonly heapGrowth: number }> {
  const on = await plug(cleanup);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
  cleanup.add(() => agent.destroy());
  const valid = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,199}$/;
  let heap = 0;
  let n = 0;
  const check = (): void => {
    for (const v of on.rex.backend.volumes.values()) expect(v.name).toMatch(valid);
  };
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...calls), body, async (call, text) => {
      const a = await ask(on.socket, call, text, { agent });
      expect([200, 400, 500, 503]).toContain(a.status);
      if (a.status !== 200) expect(a.body.Err).toMatch(/./);
      else if ('Err' in a.body) expect(a.body.Err).toBe('');
      expect(JSON.stringify(a.body)).not.toContain('bug in this program');
      n += 1;
      if (n % 1000 === 0 || on.rex.backend.volumes.size > 30) await tidy();
      if (n === Math.floor(bodies / 2)) heap = settledHeap();
    }),
    { numRuns: bodies, seed, endOnFailure: true },
  );
  async function tidy(): Promise<void> {
    check();
    // What the simulated machine and the log remember is the test's memory, not the plugin's.
    on.rex.machine.calls.length = 0;
    (on.rex.trace as string[]).length = 0;
    for (const h of await on.rex.integration.holders.list())
      await on.rex.integration.holders.release(h.volume, h.holder);
    for (const v of [...on.rex.backend.volumes.values()]) await on.rex.integration.remove(v.name);
  }
  await tidy();
  const heapGrowth = settledHeap() - heap;
  await fc.assert(
    fc.asyncProperty(stream, async (bytes) => {
      await bytesOf(on.socket, bytes, 3);
    }),
    { numRuns: streams, seed, endOnFailure: true },
  );
  expect((await on.ask('/Plugin.Activate')).status).toBe(200);
  await tidy();
  expect(await on.rex.leaks()).toEqual([]);
  expect(on.log.filter((l) => l.startsWith('error'))).toEqual([]);
  return { heapGrowth };
}

function settledHeap(): number {
  setFlagsFromString('--expose-gc');
  for (let i = 0; i < 3; i++) runInNewContext('gc')();
  return process.memoryUsage().heapUsed;
}
