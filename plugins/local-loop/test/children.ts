import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasRuntime, type JsRuntime, RUNTIMES } from '@rexray/rig';
import { afterAll } from 'vitest';
import type { Order } from './child.ts';

let compiled: string | undefined;
/** Node's compile cache, for the children of one test file: halves their start. */
const cache = (): string => {
  compiled ??= mkdtempSync(join(tmpdir(), 'rexray-compiled-'));
  return compiled;
};
afterAll(() => {
  if (compiled !== undefined) rmSync(compiled, { recursive: true, force: true });
});

const CHILD = join(import.meta.dirname, 'child.ts');

const runtime = (): JsRuntime => {
  const found = RUNTIMES.find((r) => r.unbuilt && r.name !== 'Deno' && hasRuntime(r));
  if (found === undefined) throw new Error('no runtime that takes TypeScript (tests/runtimes)');
  return found;
};

export interface Ended {
  /** `SIGKILL` when it killed itself. */
  readonly signal: string | null;
  readonly result: unknown;
}

/** Runs one child to its end. @throws when it failed otherwise than by its own SIGKILL */
export function child(order: Order): Promise<Ended> {
  const r = runtime();
  const args = [...r.args(['@rexray/source']), CHILD, JSON.stringify(order)];
  return new Promise((resolve, reject) => {
    execFile(
      r.program,
      args,
      { timeout: 60_000, env: { ...process.env, NODE_COMPILE_CACHE: cache() } },
      (error, stdout, stderr) => {
        if (error === null) return resolve({ signal: null, result: JSON.parse(stdout) as unknown });
        if (error.signal === 'SIGKILL') return resolve({ signal: 'SIGKILL', result: undefined });
        reject(new Error(`child ${order.run} of ${order.node}: ${stderr || error.message}`));
      },
    );
  });
}
