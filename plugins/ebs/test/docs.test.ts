import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cleanup, hasRuntime, RUNTIMES, WORKSPACE } from '@rexray/rig';
import { describe, expect, it } from 'vitest';
import { realClock } from '../src/clock.ts';
import { ACTIONS } from '../src/ec2.ts';
import { faultServer } from './ec2/server.ts';
import { wholeLife } from './life.ts';
import { instancesOn, nodeOn } from './world.ts';

describe('the policy in docs/drivers/ebs.md', () => {
  it('allows what the driver can call, and what it does call in a whole life is in it', async () => {
    const text = readFileSync(join(WORKSPACE, 'docs/drivers/ebs.md'), 'utf8');
    const json = /```json\n([\s\S]*?)```/.exec(text)?.[1] ?? '{}';
    const policy = JSON.parse(json) as { Statement: { Action: string[] }[] };
    const allowed = policy.Statement.flatMap((s) => s.Action).map((a) => a.replace('ec2:', ''));
    expect(allowed).toEqual([...ACTIONS]);
    const server = await faultServer({ clock: realClock });
    const d = await nodeOn(server);
    try {
      await wholeLife(d, instancesOn(server));
    } finally {
      await d.close();
      await server.close();
    }
    expect(Object.keys(server.model.calls).sort()).toEqual([...allowed].sort());
  });
});

/** Runs a module's text on a runtime that takes TypeScript; the text prints JSON. */
function evaluated(code: string, env: Readonly<Record<string, string>> = {}): unknown {
  const r = RUNTIMES.find((x) => x.unbuilt && x.name !== 'Deno' && hasRuntime(x));
  if (r === undefined) throw new Error('no runtime that takes TypeScript (tests/runtimes)');
  const args = [...r.args(['@rexray/source']), '--input-type=module', '--eval', code];
  const done = spawnSync(r.program, args, {
    cwd: join(WORKSPACE, 'plugins/ebs'),
    encoding: 'utf8',
    timeout: 60_000,
    env: { ...process.env, ...env },
  });
  if (done.status !== 0) throw new Error(done.stderr);
  return JSON.parse(done.stdout);
}

describe('import cost', () => {
  it('a command on another service loads nothing of this driver, although it is installed beside', async () => {
    const cleanup = new Cleanup();
    try {
      const home = cleanup.tempDir();
      const installed = join(home, 'var/lib/plugins/node_modules/@rexray');
      mkdirSync(installed, { recursive: true });
      for (const name of ['ebs', 'local-dir'])
        symlinkSync(join(WORKSPACE, 'plugins', name), join(installed, `driver-${name}`));
      mkdirSync(join(home, 'etc'));
      writeFileSync(
        join(home, 'etc/rexray.yml'),
        'libstorage: { service: local-dir }\nrexray: { modules: { none: { type: rest, disabled: true } } }\n',
      );
      const code = `
        import { registerHooks } from 'node:module';
        const loaded = [];
        registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
        const { run } = await import('@rexray/cli');
        const io = { out() {}, err() {}, env: process.env, tty: false, signal: new AbortController().signal };
        const status = await run(['volume', 'ls'], io);
        const ours = loaded.filter((url) => /plugins\\/ebs|driver-ebs|@aws-sdk|@smithy/.test(url));
        console.log(JSON.stringify([status, loaded.some((url) => url.includes('local-dir')), ours]));`;
      expect(evaluated(code, { HOME: home, REXRAY_HOME: home })).toEqual([0, true, []]);
    } finally {
      await cleanup.run();
    }
  }, 60_000);

  it('the plugin and a driver that was not used load nothing of the SDK', () => {
    const code = `
      import { createRequire } from 'node:module';
      import ebs from '@rexray/driver-ebs';
      new ebs.plugin.driver({});
      const loaded = Object.keys(createRequire(import.meta.url).cache).filter((f) => /@aws-sdk|@smithy/.test(f));
      const { sdkEc2 } = await import('${join(WORKSPACE, 'plugins/ebs/src/sdk.ts')}');
      await sdkEc2({ endpoint: 'http://127.0.0.1:9', accessKey: 'x', secretKey: 'x', requestTimeout: '1s' }, async () => 'us-east-1').send('DescribeVolumes', {}, AbortSignal.timeout(5000)).catch(() => undefined);
      const used = Object.keys(createRequire(import.meta.url).cache).filter((f) => /@aws-sdk|@smithy/.test(f));
      console.log(JSON.stringify([loaded.length, used.length > 0]));`;
    expect(evaluated(code)).toEqual([0, true]);
  }, 60_000);
});
