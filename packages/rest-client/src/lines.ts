import { VolumeError } from '@rexray/core';

/** Longest line that is taken from a server, in characters: a volume with ten thousand labels fits. */
const LINE_MAX = 16 * 2 ** 20;

/** Lines of a stream, without their ends. @throws VolumeError `unavailable` when one is longer than 16 Mi characters */
export async function* lines(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = parts.pop() ?? '';
    if (rest.length > LINE_MAX)
      throw new VolumeError('unavailable', 'The server sent a line that is too long.', { details: {} });
    for (const line of parts) yield line.endsWith('\r') ? line.slice(0, -1) : line;
  }
  if (rest !== '') yield rest;
}

/** One event of a `text/event-stream`. `data` is undefined for one that only moves the id. */
export interface ServerSent {
  readonly id?: string;
  readonly event?: string;
  readonly data?: string;
}

/** Reads the format of server-sent events. Comments end no event and are yielded as nothing. */
export async function* serverSent(stream: AsyncIterable<Uint8Array>): AsyncGenerator<ServerSent> {
  let fields: { id?: string; event?: string; data?: string } = {};
  for await (const line of lines(stream)) {
    if (line === '') {
      if (Object.keys(fields).length > 0) yield fields;
      fields = {};
      continue;
    }
    const at = line.indexOf(':');
    if (at === 0) continue;
    const name = at < 0 ? line : line.slice(0, at);
    const value = at < 0 ? '' : line.slice(at + 1).replace(/^ /, '');
    if (name === 'data') fields.data = fields.data === undefined ? value : `${fields.data}\n${value}`;
    else if (name === 'id' || name === 'event') fields[name] = value;
  }
}
