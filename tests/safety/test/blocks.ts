import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Cleanup, FROM_SOURCES, NODE24 } from '@rexray/rig';
import type { ModelBlock, ModelOrder } from '../src/model-main.ts';

const REPLAY = 'npx vitest run --project unit tests/safety/test/model.test.ts';

/** Empty when all of it held; else what did not, with the command that shows it again. */
export const told = (b: ModelBlock): string =>
  b.failed === undefined
    ? ''
    : `seed ${b.seed}: ${b.failed.message}\nreplay: SAFETY_REPLAY='${JSON.stringify(b.failed.sequence)}' ${REPLAY}`;

/** Shares seeds among so many processes; all blocks, those that failed too. */
export async function blocks(cleanup: Cleanup, order: ModelOrder, processes: number): Promise<readonly ModelBlock[]> {
  const program = fileURLToPath(new URL('../src/model-main.ts', import.meta.url));
  const all: ModelBlock[] = [];
  const lane = (seeds: readonly number[]): Promise<void> =>
    new Promise((resolve, reject) => {
      const argument = JSON.stringify({ ...order, seeds } satisfies ModelOrder);
      const child = spawn(NODE24, [...FROM_SOURCES, program, argument], { stdio: ['ignore', 'pipe', 'inherit'] });
      cleanup.add(() => void child.kill('SIGKILL'));
      createInterface({ input: child.stdout }).on('line', (line) => all.push(JSON.parse(line) as ModelBlock));
      child.once('error', reject);
      child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`a process ended with ${code}`))));
    });
  const shares = Array.from({ length: processes }, (_, k) => order.seeds.filter((_s, i) => i % processes === k));
  await Promise.all(shares.map(lane));
  return all;
}
