import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Action, Input } from '../../src/ec2.ts';
import { Faults, type Kind } from './faults.ts';
import { Ec2Error, Ec2Model, type ModelOptions } from './model.ts';
import { errorXml, parseForm, resultXml } from './wire.ts';

/** Sees every call: `before` it is done, and `after`. For tests that kill the caller there. */
export type Watch = (when: 'before' | 'after', action: Action) => void | Promise<void>;

export interface FaultServer {
  readonly endpoint: string;
  readonly model: Ec2Model;
  readonly faults: Faults;
  /** Access keys that calls were signed with. */
  readonly signers: Set<string>;
  watch: Watch | undefined;
  close(): Promise<void>;
}

/** Our own EC2 on loopback. It is not Amazon's: see model.ts. */
export async function faultServer(o: ModelOptions): Promise<FaultServer> {
  const model = new Ec2Model(o);
  const faults = new Faults();
  const held = new Set<NodeJS.Timeout>();
  const signers = new Set<string>();
  const self = { watch: undefined as Watch | undefined };
  const server = createServer((req, res) => {
    signers.add(/Credential=([^/]*)/.exec(req.headers.authorization ?? '')?.[1] ?? 'nobody');
    answer({ model, faults, held, watch: self.watch }, req, res).catch((e: unknown) => {
      res.writeHead(500).end(errorXml('InternalError', String(e)));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(self, {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    model,
    faults,
    signers,
    close: async () => {
      for (const t of held) clearTimeout(t);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

interface Inside {
  readonly model: Ec2Model;
  readonly faults: Faults;
  readonly held: Set<NodeJS.Timeout>;
  readonly watch: Watch | undefined;
}

async function answer(x: Inside, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const { action: name, input } = parseForm(await text(req));
  const action = name as Action;
  if (x.faults.down) return void req.socket.destroy();
  await x.watch?.('before', action);
  const kind = x.faults.meet(action);
  if (kind === 'error') return void res.writeHead(500).end(errorXml('InternalError', 'An internal error has occurred'));
  if (kind === 'throttle')
    return void res.writeHead(503).end(errorXml('RequestLimitExceeded', 'Request limit exceeded.'));
  if (kind === 'drop') return void req.socket.destroy();
  if (kind === 'hang') return; // the client gives up
  const reply = done(x.model, action, input);
  await x.watch?.('after', action);
  finish(kind, reply, req, res);
}

function done(model: Ec2Model, action: Action, input: Record<string, unknown>): { status: number; body: string } {
  try {
    return { status: 200, body: resultXml(action, model.handle(action, input as unknown as Input<Action>)) };
  } catch (e) {
    if (!(e instanceof Ec2Error)) throw e;
    return { status: e.status, body: errorXml(e.code, e.message) };
  }
}

function finish(
  kind: Kind | undefined,
  reply: { status: number; body: string },
  req: IncomingMessage,
  res: ServerResponse,
): void {
  if (kind === 'lost-reply') req.socket.destroy();
  else if (kind !== 'hang-done') res.writeHead(reply.status, { 'content-type': 'text/xml' }).end(reply.body);
}
