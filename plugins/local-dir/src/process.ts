import { readFileSync } from 'node:fs';
import { readlink } from 'node:fs/promises';
import { shortHash } from './layout.ts';

/** Field 22 of /proc/PID/stat: tells a process from a later one of its number. undefined = there is none. */
function startTime(pid: number | 'self'): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

const pidNamespace = async (): Promise<string> =>
  /\d+/.exec(await readlink('/proc/self/ns/pid').catch(() => '0'))?.[0] ?? '0';

/** Names the process that has a half-made thing (S12): node, boot, pid namespace, pid, start time. */
export async function ownToken(node: string, bootId: string): Promise<string> {
  const parts = [shortHash(node), shortHash(bootId), await pidNamespace(), process.pid, startTime('self') ?? '0'];
  return parts.join('-');
}

/** The token of a process of this node that is provably gone. Another node's, or one that cannot be seen from here, never is. */
export async function isDead(token: string, node: string, bootId: string): Promise<boolean> {
  const [ofNode, ofBoot, namespace, pid, start] = token.split('-');
  if (ofNode !== shortHash(node) || ofBoot === undefined) return false;
  if (ofBoot !== shortHash(bootId)) return true;
  if (namespace !== (await pidNamespace()) || !/^\d+$/.test(pid ?? '') || start === '0') return false;
  return startTime(Number(pid)) !== start;
}
