import { type Integration, type StorageCallOptions, type StorageOp, VolumeError } from '@rexray/core';
import type { Route } from '@rexray/rest-client';
import type { FastifyRequest } from 'fastify';

/** For which node an agent asks, over which place, and for which nodes its token lets it ask. @throws VolumeError `invalid` */
export function agentOf(q: FastifyRequest): Pick<StorageCallOptions, 'node' | 'place' | 'nodes'> {
  const [node, place] = ['x-rexray-node', 'x-rexray-place'].map((name) => headerOf(q, name));
  const { nodes } = q.caller;
  return {
    ...(node !== undefined && { node }),
    ...(place !== undefined && { place }),
    ...(nodes !== undefined && { nodes }),
  };
}

/** Sent percent-encoded: a place may have any characters. */
function headerOf(q: FastifyRequest, name: string): string | undefined {
  const value = q.headers[name];
  if (typeof value !== 'string' || value === '') return undefined;
  try {
    return decodeURIComponent(value);
  } catch {
    throw new VolumeError('invalid', `The header ${name} is not percent-encoded.`, {
      details: { path: name, expected: 'a percent-encoded text' },
    });
  }
}

/** A verb of a service's storage, for an agent. @throws `unsupported` where the service is itself reached over a wire */
export async function performStorage(
  it: Integration,
  route: Route,
  fields: Readonly<Record<string, unknown>>,
  o: StorageCallOptions,
): Promise<unknown> {
  if (it.storage === undefined)
    throw new VolumeError('unsupported', `Service "${it.service}" gives its storage to nobody.`, {
      details: { verb: route.op },
      hint: 'Agents need the server that has the credentials of the storage.',
    });
  const op = route.op.replace(/^storage\./, '') as StorageOp;
  const answer = await it.storage.call(op, fields, o);
  return WRAPPED[op]?.(answer) ?? answer;
}

/** Answers that are no object by themselves. */
const WRAPPED: Partial<Record<StorageOp, (x: unknown) => object>> = {
  identity: (identity) => ({ identity }),
  sweep: (items) => ({ items }),
};
