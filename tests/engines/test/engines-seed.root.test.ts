import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dockerRun, type MarathonApp } from '@rexray/example-docker/marathon';
import { Cleanup, DOCKER, Docker, EXT4, suite, until, World } from '@rexray/rig';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { Plugin } from '../src/index.ts';

const EXAMPLE = fileURLToPath(new URL('../../../examples/02-docker/', import.meta.url));

suite('what the examples promise, on a real engine', {
  root: true,
  loop: true,
  namespaces: true,
  programs: { ...DOCKER, ...EXT4, 'docker-compose': 'docker-compose' },
}, () => {
  const cleanup = new Cleanup();
  let world: World;
  let docker: Docker;
  let plugin: Plugin;
  beforeAll(async () => {
    world = await World.open(cleanup);
    plugin = await new Plugin(world).start();
    // A bridge in a network namespace of its own; ports by the userland proxy alone.
    docker = await Docker.open(world, ['--bip=10.93.7.1/24'], { bridge: true });
    await docker.image('web:local', { 'data/www/index.html': { text: 'from the image\n' } }, [
      'CMD ["sh", "-c", "trap exit TERM; httpd -f -p 80 -h /data/www & wait"]',
    ]);
  });
  afterAll(() => cleanup.run());
  afterEach(() => docker.clear());

  const GET = 'fetch(process.argv[1]).then((r) => r.text()).then((t) => process.stdout.write(t), () => {})';
  const page = async (port: number): Promise<string> =>
    (await world.run([process.execPath, '-e', GET, `http://127.0.0.1:${port}/`])).out;

  it('Marathon: the application as Mesos runs it, removed, and run again: the file is there', async () => {
    const app = JSON.parse(readFileSync(join(EXAMPLE, 'marathon.json'), 'utf8')) as MarathonApp;
    const sandbox = join(world.dir, 'sandbox');
    mkdirSync(sandbox);
    const task = (n: number): readonly string[] =>
      dockerRun(
        { ...app, container: { docker: { ...app.container.docker, image: 'web:local' } } },
        {
          engine: `unix://${docker.socket}`,
          taskId: `nginx.${n}`,
          containerName: `mesos-nginx.${n}`,
          sandbox,
          hostname: 'agent',
          ports: [31_080],
        },
      );
    const [program, ...args] = task(1);
    expect(program).toBe('docker');
    expect(args).toContain('--volume-driver=rexray');
    expect(args).toContain('--volume=nginx-data:/data/www');
    // The executor stays attached to it.
    const first = docker.run(args);
    await until(async () => (await page(31_080)) === 'from the image\n', 'the page is served');
    await docker.ok('exec', 'mesos-nginx.1', 'sh', '-c', 'echo changed > /data/www/index.html');
    expect(await page(31_080)).toBe('changed\n');
    await docker.ok('rm', '-f', 'mesos-nginx.1');
    await first;
    expect(plugin.left()).toEqual([]);
    const second = docker.run(task(2).slice(1));
    await until(async () => (await page(31_080)) === 'changed\n', 'the page is there again');
    await docker.ok('rm', '-f', 'mesos-nginx.2');
    await second;
    await docker.ok('volume', 'rm', 'nginx-data');
    expect(plugin.left()).toEqual([]);
  });

  it('Compose: up, down, up, down -v', async () => {
    mkdirSync(join(world.dir, 'shop'));
    copyFileSync(join(EXAMPLE, 'compose.yaml'), join(world.dir, 'shop', 'compose.yaml'));
    const compose = async (...args: string[]): Promise<void> => {
      const r = await world.run(['docker-compose', '-f', join(world.dir, 'shop/compose.yaml'), ...args], {
        env: { DOCKER_HOST: `unix://${docker.socket}`, IMAGE: 'web:local', NETWORK: 'none' },
      });
      expect(r.err).not.toMatch(/ERROR/);
      expect(r.status).toBe(0);
    };
    await compose('up', '-d');
    await docker.ok('exec', 'shop_web_1', 'sh', '-c', 'echo kept > /data/www/f');
    expect(await plugin.holders('shop_www')).toHaveLength(1);
    await compose('down');
    expect(plugin.left()).toEqual([]);
    await compose('up', '-d');
    expect(await docker.ok('exec', 'shop_web_1', 'cat', '/data/www/f', '/data/www/index.html')).toBe(
      'kept\nfrom the image',
    );
    await compose('down', '-v');
    expect(await docker.ok('volume', 'ls', '-q')).toBe('');
    expect(plugin.left()).toEqual([]);
  });
});
