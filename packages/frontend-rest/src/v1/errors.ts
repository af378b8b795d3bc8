import { type AnyVolumeError, CODES } from '@rexray/core';

/** An error as libStorage writes it. Its clients take every status from 400 on for an error; ours is that of our own table. */
export function errorOf(e: AnyVolumeError, status: number = CODES[e.code].http): Record<string, unknown> {
  const { code, details, hint } = e.toJSON();
  return {
    message: e.message,
    status,
    error: { code, ...(details as object), ...(hint !== undefined && { hint }) },
  };
}

/** First parts of paths that are libStorage's. */
const PATHS = ['volumes', 'snapshots', 'services', 'tasks', 'help', 'executors'];
export const isV1 = (url: string): boolean => PATHS.includes(url.split(/[/?]/)[1]?.toLowerCase() ?? '');
