/** Whether somebody is there already: a server that is told to be one where another one answers is that one's client. */
import { connect } from 'node:net';

const LONGEST_MS = 2_000;
/** REX-Ray's port where an address names none. */
const DEFAULT_PORT = 7979;

/** Whether a connection to `tcp://host:port` or `unix:///path` is taken. Says nothing on it. */
export function somebodyAnswers(host: string): Promise<boolean> {
  const path = /^(?:unix:\/\/)?(\/.*)$/.exec(host)?.[1];
  const tcp = /^(?:tcp|https?):\/\/(\[[^\]]+\]|[^/:]*)(?::(\d+))?\/?$/i.exec(host);
  const name = (tcp?.[1] ?? '').replace(/^\[|\]$/g, '');
  const everywhere = name === '' || name === '*' || name === '0.0.0.0' || name === '::';
  const where =
    path !== undefined ? { path } : { host: everywhere ? '127.0.0.1' : name, port: Number(tcp?.[2] ?? DEFAULT_PORT) };
  return new Promise((resolve) => {
    const socket = connect(where);
    const end = (yes: boolean): void => {
      socket.destroy();
      resolve(yes);
    };
    socket.setTimeout(LONGEST_MS, () => end(false));
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}
