/** A fault server of our own: it speaks the routes for agents, and says what a test wants it to say. Not a model of ours. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Attachment, DriverVolume, FormatState, RecordPatch } from '@rexray/core';
import type { Cleanup } from '@rexray/rig';

export class LyingServer {
  host = '';
  /** How it says that the volume is reached. */
  attachment: Attachment | Record<string, unknown> = { kind: 'file', path: '/' };
  format: FormatState | Record<string, unknown> = { state: 'blank', fsType: 'ext4' };
  /** Instead of the volume. */
  volume: unknown;
  readonly marks: RecordPatch[] = [];
  #attached: { node: string; epoch: number }[] = [];
  #revision = 1;

  static async start(cleanup: Cleanup): Promise<LyingServer> {
    const it = new LyingServer();
    const server = createServer((q, r) => {
      let text = '';
      q.on('data', (d) => {
        text += String(d);
      });
      q.on('end', () => {
        const answer = it.#answer(`${q.method} ${(q.url ?? '').replace(/^.*\/storage\/|\?.*$/g, '')}`, text);
        r.writeHead(answer === undefined ? 204 : 200, { 'content-type': 'application/json' });
        r.end(answer === undefined ? undefined : JSON.stringify(answer));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanup.add(() => {
      server.close();
      server.closeAllConnections();
    });
    it.host = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return it;
  }

  #volume(): unknown {
    return (
      this.volume ??
      ({
        id: 'v1',
        name: 'victim',
        sizeBytes: 64 * 2 ** 20,
        attachments: this.#attached,
        record: { revision: String(this.#revision), format: this.format, hints: {}, labels: {}, owner: {} },
        params: {},
      } as unknown as DriverVolume)
    );
  }

  #answer(asked: string, text: string): unknown {
    const body = text === '' ? {} : (JSON.parse(text) as Record<string, never>);
    switch (asked) {
      case 'POST whoami':
        return {
          node: body.nodeId,
          service: 's',
          driver: 'x',
          identity: 'place',
          verbs: ['find', 'owner'],
          paramsSchema: {},
          traits: { scope: 'global', multiWriter: false, fencing: 'none', fsTypes: ['ext4'], remote: false },
        };
      case 'GET identity':
        return { identity: 'place' };
      case 'GET volumes':
        return { items: [this.#volume()] };
      case 'GET find':
        return { volume: this.#volume() };
      case 'GET volumes/v1':
        return this.#volume();
      case 'GET volumes/v1/owner':
        return { mine: true, epoch: 1 };
      case 'POST volumes/v1/attach':
        this.#attached = [{ node: String(body.node), epoch: 1 }];
        return this.attachment;
      case 'POST volumes/v1/detach':
        this.#attached = [];
        return undefined;
      case 'POST volumes/v1/mark':
        this.marks.push(body.patch as unknown as RecordPatch);
        this.#revision += 1;
        this.format = (body.patch as unknown as RecordPatch).format ?? this.format;
        return this.#volume();
      default:
        return undefined;
    }
  }
}
