import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';

/** Who makes something that takes several steps: enough to say later, on the same node, that this process is dead (S12). */
export class Maker {
  #node = '';
  #boot = '';

  is(nodeId: string, bootId: string): void {
    this.#node = nodeId;
    this.#boot = bootId;
  }

  get token(): string {
    const parts = [hash(this.#node), hash(this.#boot), String(process.pid), startTime('self') ?? '0', pidNamespace()];
    return parts.join('-');
  }

  /** Whether `token` is of a process of this node that is provably gone. Of another node or pid namespace: never. */
  isDead(token: string): boolean {
    const [node, boot, pid = '', start = '0', namespace] = token.split('-');
    if (this.#node === '' || node !== hash(this.#node)) return false;
    if (boot !== hash(this.#boot)) return true;
    if (namespace !== pidNamespace() || start === '0') return false;
    return startTime(pid) !== start;
  }

  /** Whether a thing was begun on this node, by whichever process. */
  isOfThisNode(token: string): boolean {
    return this.#node !== '' && token.startsWith(`${hash(this.#node)}-`);
  }
}

const hash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12);

/** Field 22 of /proc/PID/stat: tells a process from a later one with its number. */
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
