import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { run } from '@rexray/cli';
import type { Cleanup } from '@rexray/rig';
import type { ModelInstance } from './ec2/model.ts';
import type { FaultServer } from './ec2/server.ts';
import { settings } from './world.ts';

type Ran = { status: number; out: string; err: string };
export interface Shell {
  readonly env: Readonly<Record<string, string>>;
  /** A command in this very process. */
  (...argv: string[]): Promise<Ran>;
}

/** `rexray` as an operator of one instance calls it: a file of REX-Ray's shape, the driver by name. */
export function shell(cleanup: Cleanup, server: FaultServer, i: ModelInstance): Shell {
  const home = cleanup.tempDir('rexray-ebs-cli-');
  const installed = join(home, 'var/lib/plugins/node_modules/@rexray/driver-ebs');
  mkdirSync(dirname(installed), { recursive: true });
  symlinkSync(dirname(import.meta.dirname), installed);
  const config = {
    libstorage: { service: 'ebs', server: { services: { ebs: { driver: 'ebs' } } } },
    ebs: settings(server.endpoint, i.id),
    rexray: { modules: { none: { type: 'rest', disabled: true } } },
  };
  const file = join(home, 'etc/rexray.yml');
  mkdirSync(dirname(file));
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(config));
  const env = { PATH: process.env.PATH ?? '', HOME: home, REXRAY_HOME: home };
  const call = async (...argv: string[]): Promise<Ran> => {
    let [out, err] = ['', ''];
    const status = await run(argv, {
      out: (t) => {
        out += t;
      },
      err: (t) => {
        err += t;
      },
      env,
      tty: false,
      signal: new AbortController().signal,
    });
    return { status, out, err };
  };
  return Object.assign(call, { env });
}
