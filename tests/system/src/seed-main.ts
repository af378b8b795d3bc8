/** A node that has nothing but REX-Ray's documented file: opened when it is told to, then driven by lines of JSON. */
import { symlinkSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { isVolumeError } from '@rexray/core';
import { openRexray } from '@rexray/runtime';

type Opened = Awaited<ReturnType<typeof openRexray>>;
let rex: Opened | undefined;
const s = () => {
  if (rex === undefined) throw new Error('not open');
  return rex.service().integration;
};

const VERBS: Record<string, (...a: never[]) => unknown> = {
  open: async () => {
    rex = await openRexray();
    return rex.defaultService;
  },
  create: (name: string, o: object) => s().create(name, o),
  get: (name: string) => s().get(name),
  attach: (name: string) => s().attach(name),
  detach: (name: string) => s().detach(name),
  mount: (name: string) => s().mount(name, { holder: 'cli' }),
  unmount: (name: string) => s().unmount(name, { holder: 'cli' }),
  remove: (name: string) => s().remove(name),
  /** What udev does when the guest sees a disk. */
  udev: (id: string, device: string) => symlinkSync(device, `/dev/disk/by-id/${id}`),
  close: async () => {
    await rex?.close();
    setTimeout(() => process.exit(0), 10);
  },
};

process.stdout.write('ready\n');
for await (const line of createInterface({ input: process.stdin })) {
  const { id, verb, args } = JSON.parse(line) as { id: number; verb: string; args: never[] };
  try {
    const result = await VERBS[verb]?.(...args);
    process.stdout.write(`${JSON.stringify({ id, result: result ?? null })}\n`);
  } catch (e) {
    const error = isVolumeError(e)
      ? { ...e.toJSON(), text: e.text }
      : { code: 'internal', message: String((e as Error)?.stack) };
    process.stdout.write(`${JSON.stringify({ id, error })}\n`);
  }
}
