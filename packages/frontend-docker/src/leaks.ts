import { type EventSource, type Holder, type Integration, isVolumeError, type Logger } from '@rexray/core';
import { volumesInUse } from './engine.ts';

/** S18: both observations are at least this far apart, in ms: longer than an engine waits for a Mount (120 s). */
export const PROOF_MS = 130_000;
const ROUND_MS = 135_000;

/** Podman gives every mount on every host this one id, and has no engine that could be asked. */
const PODMAN = 'engine:2f73349cfc4630255319c6c8dfc1b46a8996ace9d14d8e07563b165915918ec2';

export interface LeakWatch {
  readonly engine: string;
  readonly service: Integration;
  readonly logger: Logger;
  readonly events: EventSource;
  /** Clock in ms, for tests. */
  readonly now?: () => number;
}
export interface Leaks {
  /** A mount is asked for: what was seen of the volume before proves nothing any more. */
  mounted(volume: string): void;
  round(): Promise<void>;
  stop(): Promise<void>;
}

interface Seen {
  readonly at: number;
  readonly holders: string;
}

/**
 * Drops holders of engines whose Unmount never came (an engine that was killed, a plugin that was down), on proof alone
 * (S18): the engine answers, no live container uses the volume, nothing else has it mounted; seen twice, with no mount
 * between. What cannot be proven stays, and shows its age in `rexray holder ls`.
 */
export function watchLeaks(o: LeakWatch): Leaks {
  const { service, logger, now = () => performance.now() } = o;
  const seen = new Map<string, Seen>();
  const over = new AbortController();
  const forget = (volume: string): void => void seen.delete(volume);
  const listening = o.events.on('volume.mounted', (e) => {
    if (e.service === service.service) forget(e.volume);
  });

  const observe = async (volume: string, holders: readonly Holder[], inUse: ReadonlySet<string>): Promise<void> => {
    const engines = holders.filter((h) => h.holder.startsWith('engine:') && h.holder !== PODMAN);
    const state = JSON.stringify(holders);
    const before = seen.get(volume);
    if (engines.length === 0 || inUse.has(volume)) return forget(volume);
    const call = { signal: over.signal, timeoutMs: 20_000 };
    for (const h of engines) await service.holders.release(volume, h.holder, { ...call, idle: 'check' });
    if (before?.holders !== state) return void seen.set(volume, { at: now(), holders: state });
    if (now() - before.at < PROOF_MS) return;
    // A mount that began since the engine was asked has changed the count, or is a holder that is not dropped.
    for (const { holder, count, since } of engines) {
      await service.holders.release(volume, holder, { ...call, idle: 'drop', count });
      logger.warn(
        { volume, holder, since, count },
        'a holder that its engine lost was dropped: twice no live container used the volume and nothing had it mounted',
      );
    }
    forget(volume);
  };

  const round = async (): Promise<void> => {
    const byVolume = grouped(await service.holders.list({ signal: over.signal }));
    for (const volume of [...seen.keys()]) if (!byVolume.has(volume)) forget(volume);
    if (byVolume.size === 0) return;
    const inUse = await volumesInUse(o.engine, over.signal);
    for (const [volume, holders] of byVolume) {
      try {
        await observe(volume, holders, inUse);
      } catch (e) {
        forget(volume);
        const why = isVolumeError(e) ? e.message : String(e);
        logger.debug({ volume, err: why }, 'its holders stay');
      }
    }
  };
  const guarded = async (): Promise<void> => {
    try {
      await round();
    } catch (e) {
      seen.clear();
      logger.debug({ err: isVolumeError(e) ? e.message : String(e) }, 'lost holders were not looked for');
    }
  };
  let running: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    running = running.then(guarded);
  }, ROUND_MS);
  timer.unref();
  return {
    mounted: forget,
    round: guarded,
    async stop() {
      clearInterval(timer);
      listening[Symbol.dispose]();
      over.abort();
      await running;
    },
  };
}

function grouped(holders: readonly Holder[]): Map<string, Holder[]> {
  const by = new Map<string, Holder[]>();
  for (const h of holders) by.set(h.volume, [...(by.get(h.volume) ?? []), h]);
  return by;
}
