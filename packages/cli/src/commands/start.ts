import type { GlobalFlags } from '../context.ts';
import type { Plain } from '../table/row.ts';

export async function start({ io, flags }: Plain<GlobalFlags & { nopid?: boolean }>): Promise<number> {
  const { startDaemon } = await import('../daemon/daemon.ts');
  return startDaemon({ io, flags, pidFile: flags.nopid !== true });
}
