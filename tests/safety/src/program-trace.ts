/**
 * Loaded before anything else into each Node process of the programs `rexray` and `dvdcli` (NODE_OPTIONS): their points are
 * counted, and one is struck, while a file in SAFETY_TRACE asks for it. Which process it is its program's path tells.
 */
import fs from 'node:fs';
import http from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import { type Armed, armedFile, pointsFile, type Role } from './program-order.ts';
import { arm, die, point } from './trace.ts';

const ROLES: readonly (readonly [RegExp, Role])[] = [
  [/host-linux\/(src|dist)\/worker-main\.[tj]s$/, 'host'],
  [/runtime\/(src|dist)\/worker\/main\.[tj]s$/, 'driver'],
  [/(cli|dvdcli)\/(src|dist)\/main\.[tj]s$/, 'program'],
];
const role = ROLES.find(([path]) => path.test(process.argv[1] ?? ''))?.[1];
const { SAFETY_TRACE: dir } = process.env;

function order(of: Role): Armed | undefined {
  try {
    return JSON.parse(fs.readFileSync(armedFile(dir ?? '', of), 'utf8')) as Armed;
  } catch {
    return undefined;
  }
}

async function watchProgram(): Promise<void> {
  const { LmdbStore } = await import('@rexray/store-lmdb');
  const commit = LmdbStore.prototype.commit;
  LmdbStore.prototype.commit = async function (...args) {
    const keys = args[0].map((op) => ('put' in op ? `+${op.put}` : `-${op.del}`)).join(' ');
    point(`store commit ${keys}`);
    const answer = await commit.apply(this, args);
    point(`store committed ${keys}`);
    return answer;
  };
  const { end } = http.ServerResponse.prototype;
  http.ServerResponse.prototype.end = function (this: http.ServerResponse, ...args: never[]) {
    point('reply');
    return end.apply(this, args as never) as never;
  } as never;
  const { end: send } = http.ClientRequest.prototype;
  http.ClientRequest.prototype.end = function (this: http.ClientRequest, ...args: never[]) {
    point(`request ${this.path}`);
    this.prependListener('response', () => point(`answered ${this.path}`));
    return send.apply(this, args as never) as never;
  } as never;
  const { writeSync } = fs;
  fs.writeSync = ((fd: number, ...args: never[]) => {
    if (fd === 1) point('told');
    return (writeSync as (...a: unknown[]) => number)(fd, ...args);
  }) as typeof fs.writeSync;
  syncBuiltinESMExports();
  const { write } = process.stdout;
  process.stdout.write = function (this: typeof process.stdout, ...args: never[]) {
    point('told');
    return write.apply(this, args as never);
  } as never;
}

if (dir !== undefined && role !== undefined) {
  const traced = dir;
  let id = '';
  let index = 0;
  arm((p) => {
    const now = order(role);
    if (now === undefined) return;
    if (now.id !== id) [id, index] = [now.id, 0];
    fs.appendFileSync(pointsFile(traced, role), `${p.what}\n`);
    if (index++ !== now.at) return;
    // Whoever takes its place is not struck as well.
    fs.rmSync(armedFile(traced, role));
    die();
  });
  if (role === 'program') await watchProgram();
}
