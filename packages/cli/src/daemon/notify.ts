import { spawn } from 'node:child_process';
import type { Logger } from '@rexray/core';

/** The program that speaks to the service manager; Node has no datagram sockets of the unix kind. */
const PROGRAM = 'systemd-notify';
const WITHIN_MS = 5_000;

/** Tells the service manager (`Type=notify`) how this daemon is. Does nothing where nobody asks; never fails the daemon. */
export function notifier(
  env: Readonly<Record<string, string | undefined>>,
  logger: Logger,
): (...assignments: readonly string[]) => Promise<void> {
  if (!env.NOTIFY_SOCKET) return async () => {};
  let missing = false;
  return (...assignments) =>
    new Promise((resolve) => {
      if (missing) return resolve();
      // The message counts as this process's own, although a child sends it.
      const child = spawn(PROGRAM, [`--pid=${process.pid}`, ...assignments], {
        stdio: 'ignore',
        timeout: WITHIN_MS,
        env: { PATH: env.PATH, NOTIFY_SOCKET: env.NOTIFY_SOCKET },
      });
      child.once('error', (e) => {
        missing = true;
        logger.warn(
          { err: e.message },
          `${PROGRAM} (Debian package systemd) cannot be run: the service manager is not told that the daemon is ready`,
        );
        resolve();
      });
      child.once('exit', () => resolve());
    });
}
