import { type EventName, isVolumeError } from '@rexray/core';
import { connect, EVENT_NAMES, isEventName, type RemoteEvent } from '@rexray/rest-client';
import { placesOf } from '@rexray/runtime/config';
import type { GlobalFlags } from '../context.ts';
import { usage } from '../failure.ts';
import { print } from '../output.ts';
import { hostAddress } from '../session.ts';
import type { Plain } from '../table/row.ts';
import { printable } from '../terminal/columns.ts';

interface EventFlags extends GlobalFlags {
  readonly follow?: boolean;
  readonly type?: readonly string[];
  readonly volume?: string;
}

/** An id of no server: it answers with all that it remembers. */
const FROM_THE_START = '0.0';
/** What is remembered comes at once; silence means that it is all. In ms. */
const SILENCE_MS = 300;

export async function events(p: Plain<EventFlags>): Promise<number> {
  const { io, flags } = p;
  const types = (flags.type ?? []).flatMap((t) => t.split(','));
  const unknown = types.find((t) => !isEventName(t));
  if (unknown !== undefined) throw usage(`"${unknown}" is not an event.`, `Events: ${EVENT_NAMES.join(', ')}.`);
  const run = placesOf({ env: io.env as Record<string, string>, root: process.geteuid?.() === 0 }).run;
  const client = connect(
    flags.host === undefined ? { socketPath: `${run}/rexray.sock` } : await hostAddress(flags.host, flags, io),
  );
  const stop = new AbortController();
  const quiet = (): NodeJS.Timeout => setTimeout(() => stop.abort(), SILENCE_MS);
  io.signal.addEventListener('abort', () => stop.abort(), { once: true });
  if (io.signal.aborted) stop.abort();
  let timer: NodeJS.Timeout | undefined;
  try {
    const stream = client.events({
      signal: stop.signal,
      ...(types.length > 0 && { types: types as EventName[] }),
      ...(flags.service !== undefined && { service: flags.service }),
      ...(flags.volume !== undefined && { volume: flags.volume }),
      after: FROM_THE_START,
      onOpen: () => {
        if (flags.follow !== true) timer ??= quiet();
      },
    });
    for await (const e of stream) {
      if (flags.follow !== true) {
        clearTimeout(timer);
        timer = quiet();
      }
      // The id above is none on purpose: that something was missed is no news.
      if (e.type !== 'gap' || !/restarted/.test(e.why)) await show(p, e);
    }
  } catch (e) {
    if (!stop.signal.aborted || isVolumeError(e)) throw e;
  } finally {
    clearTimeout(timer);
    client.close();
  }
  return 0;
}

/** One line an event, also as JSON: a stream has no end. */
async function show({ io, printing }: Plain, e: RemoteEvent): Promise<void> {
  const format = printing.format === 'jsonp' ? 'json' : printing.format;
  await print(io, { ...printing, format }, e, { lines: [line(e)] });
}

function line(e: RemoteEvent): string {
  if (e.type === 'gap') return `-- ${e.why}`;
  const { type, id: _id, at, volume, service, requestId: _request, ...others } = e as Record<string, unknown>;
  const about = Object.entries(others)
    .filter(([k]) => k !== 'error' || others.error !== undefined)
    .map(
      ([k, v]) =>
        `${k}=${typeof v === 'object' ? ((v as { code?: string } | null)?.code ?? JSON.stringify(v)) : String(v)}`,
    );
  const where = volume === undefined ? '' : ` ${String(service ?? '')}/${String(volume)}`;
  return printable([`${String(at)} ${String(type).padEnd(16)}${where}`, ...about].join(' '));
}
