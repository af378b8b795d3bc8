import type { Volume } from '@rexray/core';
import { placesOf } from '@rexray/runtime/config';
import { VOLUME, VOLUME_PATH } from '../columns.ts';
import { chosen } from '../commands/volume-choice.ts';
import type { Io } from '../io.ts';
import { tableText } from '../terminal/table.ts';
import { Asking } from './ask.ts';
import type { EndedEarly } from './early.ts';
import { type QuickLine, quickLine } from './line.ts';

const SERVICES = '/api/v2/services';
/** Most that the server gives at once. */
const PAGE = 1000;

/**
 * `rexray volume ls` where this host's daemon answers at once and well: the same output as that of the ordinary way, without
 * the parser, the client and the commands.
 * @returns the exit status; undefined: nothing was printed, it is to be done the ordinary way
 */
export async function quickListing(argv: readonly string[], io: Io): Promise<number | EndedEarly | undefined> {
  const line = quickLine(argv, io.env);
  const socketPath = line === undefined ? undefined : socketOf(io);
  if (line === undefined || socketPath === undefined) return undefined;
  const asking = new Asking(socketPath);
  try {
    const got = await volumes(asking, line, io.signal);
    if (got === undefined) return undefined;
    if ('why' in got) return { ...got, socketPath };
    const rows = chosen(got.volumes, line);
    const text =
      line.format === 'table'
        ? tableText(io, line.quiet, rows, line.path === true ? VOLUME_PATH : VOLUME)
        : `${JSON.stringify(rows, undefined, line.format === 'jsonp' ? 2 : undefined)}\n`;
    if (io.last === undefined) io.out(text);
    else io.last(text);
    return 0;
  } finally {
    asking.close();
  }
}

function socketOf(io: Io): string | undefined {
  try {
    return `${placesOf({ env: io.env as Record<string, string>, root: process.geteuid?.() === 0 }).run}/rexray.sock`;
  } catch {
    return undefined;
  }
}

type Listed = { readonly volumes: readonly Volume[] } | Omit<EndedEarly, 'socketPath'> | undefined;

async function volumes(asking: Asking, line: QuickLine, signal: AbortSignal): Promise<Listed> {
  const services = await asking.get(SERVICES);
  if (services === 'silent') return { why: services, target: SERVICES };
  const service = typeof services === 'string' ? undefined : serviceIn(services.ok, line.service);
  if (service === undefined) return undefined;
  const all: Volume[] = [];
  let cursor: string | undefined;
  do {
    const next = cursor === undefined ? '' : `&${new URLSearchParams({ cursor })}`;
    const target = `${SERVICES}/${encodeURIComponent(service)}/volumes?limit=${PAGE}${next}`;
    const page = await asking.get(target, signal);
    if (page === 'silent' || page === 'canceled') return { why: page, target };
    if (page === 'other' || !isPage(page.ok)) return undefined;
    all.push(...page.ok.items);
    cursor = page.ok.next;
  } while (cursor !== undefined);
  return { volumes: all };
}

/** The one of that name, else the default one. A surprise is for the ordinary client. */
function serviceIn(answer: unknown, name: string | undefined): string | undefined {
  const all = (answer as { items?: unknown } | null)?.items;
  if (!Array.isArray(all)) return undefined;
  const fits = (s: { service?: unknown; default?: unknown } | null): boolean =>
    name === undefined ? s?.default === true : s?.service === name;
  const service: unknown = all.find(fits)?.service;
  return typeof service === 'string' && /^[\w.-]+$/.test(service) ? service : undefined;
}

function isPage(x: unknown): x is { readonly items: readonly Volume[]; readonly next?: string } {
  const page = x as { items?: unknown; next?: unknown } | null;
  if (!Array.isArray(page?.items) || (page.next !== undefined && typeof page.next !== 'string')) return false;
  return page.items.every(
    (v: Partial<Record<keyof Volume, unknown>> | null) =>
      typeof v?.name === 'string' &&
      typeof v.id === 'string' &&
      typeof v.state === 'string' &&
      typeof v.sizeBytes === 'number',
  );
}
