import { type CallOptions, type Integration, isVolumeError, type Logger, type Volume, VolumeError } from '@rexray/core';
import { type WireVolume, wireVolume } from './answers.ts';

const PAGE = 1000;

export interface ListAsk {
  readonly service: Integration;
  readonly logger: Logger;
  /** All of it must be answered by then, in ms. */
  readonly listMs: number;
  readonly call: CallOptions;
}

/** `whole`: nothing is missing. */
export interface Listed {
  readonly volumes: readonly WireVolume[];
  readonly whole: boolean;
}

/**
 * All volumes, or those that are known when the time is over: a backend that hangs must not hang `docker volume ls`. When
 * it says nothing at all, the volumes that this node holds are still known.
 * @throws why nothing is known
 */
export async function listVolumes(ask: ListAsk): Promise<Listed> {
  const found: Volume[] = [];
  let whole = true;
  const { service, call } = ask;
  const until = performance.now() + ask.listMs;
  const left = (): number => Math.max(1, until - performance.now());
  try {
    let cursor: string | undefined;
    do {
      const page = await within(left(), call.signal, (signal) =>
        service.list({ ...call, signal, timeoutMs: left(), limit: PAGE, ...(cursor !== undefined && { cursor }) }),
      );
      found.push(...page.items);
      if (page.partial !== undefined) {
        whole = false;
        ask.logger.warn({ service: service.service }, `the list is ${page.partial}`);
      }
      cursor = page.next;
    } while (cursor !== undefined);
    return { volumes: shown(found), whole };
  } catch (e) {
    if (call.signal?.aborted === true) throw e;
    const held = await heldOnly(ask, new Set(found.map((v) => v.name)));
    if (found.length + held.length === 0) throw e;
    ask.logger.warn(
      { service: service.service, err: isVolumeError(e) ? e.message : String(e) },
      'the list of volumes is not whole',
    );
    return { volumes: [...shown(found), ...held], whole: false };
  }
}

/** What is not ours is not shown: Get would not find it. */
const shown = (volumes: readonly Volume[]): WireVolume[] =>
  volumes.filter((v) => v.state !== 'foreign').map(wireVolume);

async function heldOnly({ service, call }: ListAsk, known: ReadonlySet<string>): Promise<readonly WireVolume[]> {
  try {
    const holders = await within(1000, call.signal, (signal) => service.holders.list({ signal, timeoutMs: 1000 }));
    const names = [...new Set(holders.map((h) => h.volume))].filter((n) => !known.has(n));
    return names.map((Name) => ({
      Name,
      Mountpoint: '',
      Status: { service: service.service, driver: service.driver, health: 'the storage does not answer' },
    }));
  } catch {
    return [];
  }
}

/** Gives up after `ms` whatever the called one does; it is told so by its signal. */
export async function within<T>(
  ms: number,
  outer: AbortSignal | undefined,
  act: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const own = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(
        new VolumeError('timeout', `The storage did not answer within ${Math.round(ms)} ms.`, {
          details: { afterMs: Math.round(ms) },
          hint: 'Try again; "rexray service ls" shows which storage is away.',
        }),
      );
      own.abort();
    }, ms);
  });
  const signal = outer === undefined ? own.signal : AbortSignal.any([own.signal, outer]);
  try {
    return await Promise.race([act(signal), over]);
  } finally {
    clearTimeout(timer);
  }
}
