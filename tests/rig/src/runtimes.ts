import { accessSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Root of the workspace. */
export const WORKSPACE: string = join(dirname(fileURLToPath(import.meta.url)), '../../..');

/** A JavaScript runtime: how it is told to run a file. */
export interface JsRuntime {
  readonly name: string;
  readonly program: string;
  /** Runs TypeScript as it stands, `await using` included. */
  readonly unbuilt: boolean;
  /** Arguments before the file; `conditions` are export conditions to resolve with. */
  args(conditions?: readonly string[]): readonly string[];
}

const brought = (program: string): string => join(WORKSPACE, 'tests/runtimes/node_modules/.bin', program);
const nodeArgs = (conditions: readonly string[] = []): string[] => conditions.map((c) => `--conditions=${c}`);

/** The Node that runs this, the newer one and the Deno that the workspace brings. */
export const RUNTIMES: readonly JsRuntime[] = [
  { name: `Node ${process.versions.node}`, program: process.execPath, unbuilt: false, args: nodeArgs },
  { name: 'Node 24', program: brought('node'), unbuilt: true, args: nodeArgs },
  {
    name: 'Deno',
    program: brought('deno'),
    unbuilt: true,
    args: (conditions = []) => ['run', '-A', '--quiet', '--node-modules-dir=manual', ...nodeArgs(conditions)],
  },
];

/** Whether the binary is there: both come from packages that exist for linux-x64 only. */
export function hasRuntime(runtime: JsRuntime): boolean {
  try {
    accessSync(runtime.program);
    return true;
  } catch {
    return false;
  }
}

/** A program that the workspace's own packages brought, e.g. `tsc`. */
export const workspaceBin = (program: string): string => join(WORKSPACE, 'node_modules/.bin', program);
