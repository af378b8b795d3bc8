import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** `undefined` = gone. A zombie counts as dead: where process 1 reaps late, they stay for a while. */
export function parentOf(pid: number): number | undefined {
  try {
    const [state, ppid] = readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\)\s/s, '')
      .split(' ');
    return state === 'Z' || state === 'X' ? undefined : Number(ppid);
  } catch {
    return undefined;
  }
}

export const lives = (pid: number): boolean => parentOf(pid) !== undefined;

const allPids = (): number[] =>
  readdirSync('/proc')
    .map(Number)
    .filter((n) => n > 0);

/** Processes in a mount namespace (`mnt:[…]`), and all their descendants, whatever theirs: containers have namespaces of their own. */
export function pidsOfNamespace(link: string): readonly number[] {
  const parents = new Map<number, number>();
  const found = new Set<number>();
  for (const pid of allPids()) {
    const parent = parentOf(pid);
    if (parent === undefined) continue;
    parents.set(pid, parent);
    try {
      if (readlinkSync(`/proc/${pid}/ns/mnt`) === link) found.add(pid);
    } catch {
      // It ended meanwhile.
    }
  }
  for (let size = -1; size !== found.size; ) {
    size = found.size;
    for (const [pid, parent] of parents) if (found.has(parent)) found.add(pid);
  }
  return [...found];
}

/** Ends exactly these processes, and waits until they are gone. */
export async function killAll(pids: readonly number[], signal: NodeJS.Signals = 'SIGKILL', ms = 10_000): Promise<void> {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // It ended by itself.
    }
  }
  await until(() => pids.every((p) => !lives(p)), `processes ${pids.join(', ')} are gone`, ms);
}

/** Waits until something holds. @throws what did not happen */
export async function until<T>(holds: () => T | Promise<T>, what: string, ms = 20_000, every = 25): Promise<T> {
  const end = performance.now() + ms;
  for (;;) {
    const answer = await holds();
    if (answer) return answer;
    if (performance.now() > end) throw new Error(`did not happen within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, every));
  }
}
