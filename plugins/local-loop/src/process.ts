import { readFileSync, readlinkSync } from 'node:fs';
import { shortHash } from './layout.ts';

/** Field 22 of /proc/PID/stat: tells a process from a later one with its number. undefined = no such process. */
function startTime(pid: string): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

function pidNamespace(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0';
  } catch {
    return '0';
  }
}

/** What a half-made thing is named after: node, boot and process that make it (S12). Stable for this process. */
export function processToken(node: string, bootId: string): string {
  return [shortHash(node), shortHash(bootId).slice(0, 8), process.pid, startTime('self') ?? '0', pidNamespace()].join(
    '-',
  );
}

/**
 * Whether a thing named with `token` (and perhaps more after it) was left by a process of this node that is provably gone:
 * of another boot, or of this one and no longer there. Of another node, or of a pid namespace that cannot be seen from
 * here: never.
 */
export function leftByTheDead(token: string, node: string, bootId: string): boolean {
  const [ofNode, boot, pid, start, namespace] = token.split('-');
  if (ofNode !== shortHash(node) || pid === undefined || start === undefined) return false;
  if (boot !== shortHash(bootId).slice(0, 8)) return true;
  if (namespace !== pidNamespace() || start === '0') return false;
  return startTime(pid) !== start;
}
