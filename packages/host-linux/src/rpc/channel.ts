import type { ChildProcess } from 'node:child_process';
import type { Channel, Message } from './protocol.ts';

/** The channel that a forked process was given by its parent. @throws when there is none */
export function parentChannel(): Channel {
  if (process.send === undefined) throw new Error('This program is started by its parent, with an IPC channel.');
  return {
    // A parent that is gone reads nothing: `disconnect` tells, not the failed send.
    send: (m) => void process.send?.(m, undefined, undefined, () => {}),
    listen(onMessage, onEnd) {
      process.on('message', (m) => onMessage(m as Message));
      process.once('disconnect', onEnd);
    },
  };
}

/** The channel to a child that was started with `ipc` in its `stdio`. */
export const childChannel = (child: ChildProcess): Channel => ({
  send(m) {
    if (child.connected) child.send(m, () => {});
  },
  listen(onMessage, onEnd) {
    child.on('message', (m) => onMessage(m as unknown as Message));
    let ended = false;
    const end = (): void => {
      if (!ended) onEnd();
      ended = true;
    };
    for (const event of ['disconnect', 'exit', 'error'] as const) child.once(event, end);
  },
});
