/** The main job on real input: the volumes of a Mesos task and of an nginx, from creation to removal. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, readFileSync, statfsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseOptions, splitOptionString } from '@rexray/core/options';
import { isVolumeError, openRexray } from '@rexray/runtime';
import { heading, say, step } from './report.mjs';

const TASK = 'test12345';
const REMOVE = 'libstorage.integration.volume.operations.remove.disable';
const assert = (ok, what) => {
  if (!ok) throw new Error(`quickstart: ${what}`);
};

/** @param o `{ config, service, fsType }`: the operator's file, the service it names, the file system of step 1 (absent on directories) */
export async function story(o) {
  const rex = await openRexray({ config: o.config });
  try {
    await mesosTask(rex.service(), o);
    await nginx(rex.service(), o);
    await refusedRemove(rex.service());
  } finally {
    await rex.close();
  }
  await allowedRemove(o);
}

async function mesosTask(volumes, { service, fsType }) {
  heading('1. A Mesos task brings its volume (DVDI_VOLUME_OPTS)');
  const opts = `size=5,iops=150,volumetype=io1,newfstype=${fsType ?? 'xfs'},overwritefs=true`;
  say(opts);
  const wish = parseOptions(splitOptionString(opts));
  if (fsType === undefined) {
    delete wish.fsType;
    delete wish.overwriteFs;
  }
  await step(`create ${TASK} in service ${service}`, async () => {
    const v = await volumes.create(TASK, wish);
    return `${v.sizeBytes / 2 ** 30} GiB, ${v.fsType ?? 'directory'}; ${v.notes.join('; ')}`;
  });
  const hello = await mountAndTouch(volumes);
  heading('2. The task restarts ten times with the same options');
  await step('create, mount, look, unmount, ten times', async () => {
    for (let i = 0; i < 10; i++) {
      await volumes.create(TASK, wish);
      const m = await volumes.integration.mount(TASK, { holder: 'dvdcli' });
      assert(existsSync(hello(m)), `restart ${i + 1} lost the file`);
      await volumes.integration.unmount(TASK, { holder: 'dvdcli' });
    }
    return 'hello is there every time';
  });
}

async function mountAndTouch(volumes) {
  const hello = (m) => join(dirname(m.path), 'hello');
  await step(`mount ${TASK}`, async () => {
    const m = await volumes.integration.mount(TASK, { holder: 'dvdcli' });
    assert(m.path.endsWith(`/${TASK}/data`) || m.path.endsWith('/data'), `unexpected path ${m.path}`);
    writeFileSync(hello(m), 'hello\n');
    await volumes.integration.unmount(TASK, { holder: 'dvdcli' });
    return `${m.fsType} at ${m.path}; touch ${hello(m)}`;
  });
  return hello;
}

const hashOf = async (path) => {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
};

async function nginx(volumes, { service }) {
  heading('3. A volume for nginx: default size, a real file, a snapshot, a clone, growth');
  await step('create nginx-data', async () => {
    const v = await volumes.create('nginx-data');
    return `${v.sizeBytes / 2 ** 30} GiB, ${v.fsType ?? 'directory'}`;
  });
  let written;
  await step('mount, copy a file (this Node.js program), unmount', async () => {
    const m = await volumes.mount('nginx-data');
    await pipeline(createReadStream(process.execPath), createWriteStream(join(m.path, 'node')));
    written = await hashOf(process.execPath);
    await m.unmount();
    return `${(readFileSync(process.execPath).length / 2 ** 20).toFixed(0)} MiB`;
  });
  const original = await volumes.mount('nginx-data');
  try {
    await step('mount again', async () => {
      assert((await hashOf(join(original.path, 'node'))) === written, 'the file changed');
      return `sha256 ${written.slice(0, 16)}… as written`;
    });
    await copies(volumes, original, written, service);
  } finally {
    await original.unmount();
  }
}

async function copies(volumes, original, written, service) {
  await step('snapshot, while it is mounted', async () => {
    const s = await volumes.snapshots.create('nginx-data', 'before-upgrade');
    return `${s.name}, ${s.consistency}`;
  });
  await step('clone from the snapshot, mounted beside the original', async () => {
    await volumes.create('nginx-copy', { from: { snapshot: 'before-upgrade' } });
    const copy = await volumes.mount('nginx-copy');
    assert((await hashOf(join(copy.path, 'node'))) === written, 'the copy differs');
    await copy.unmount();
    return `same sha256 at ${copy.path}`;
  });
  if (service !== 'local-loop') return say('growing: skipped, directories have no size of their own');
  await step('expand both to 20 GiB', async () => {
    const grown = [];
    for (const name of ['nginx-data', 'nginx-copy']) {
      const r = await volumes.expand(name, { size: '20GiB' });
      grown.push(`${name} ${r.fileSystem === 'grown' ? 'grown online' : `grows at the next mount (${r.why})`}`);
    }
    return grown.join('; ');
  });
  await original.unmount();
  await step('mount both: the file systems have grown', async () => {
    const sizes = [];
    for (const name of ['nginx-data', 'nginx-copy']) {
      const m = await volumes.mount(name);
      const { blocks, bsize } = statfsSync(m.root);
      assert(blocks * bsize > 18 * 2 ** 30, `${name} has ${blocks * bsize} bytes`);
      sizes.push(`${name} ${((blocks * bsize) / 2 ** 30).toFixed(1)} GiB`);
      await m.unmount();
    }
    return sizes.join(', ');
  });
}

async function refusedRemove(volumes) {
  heading('4. Removing');
  await step('remove while the configuration forbids it', async () => {
    const e = await volumes.remove(TASK).then(
      () => undefined,
      (x) => x,
    );
    assert(isVolumeError(e, 'denied') && e.message.includes(REMOVE), `expected denied, got ${e}`);
    assert((await volumes.get(TASK)).name === TASK, 'it is gone all the same');
    return `denied: ${e.message}`;
  });
}

async function allowedRemove({ config }) {
  const rex = await openRexray({ config, overrides: { [REMOVE]: false } });
  const volumes = rex.service();
  try {
    await step('remove while it is mounted', async () => {
      const m = await volumes.mount(TASK, { holder: 'engine:nginx' });
      const e = await volumes.remove(TASK).then(
        () => undefined,
        (x) => x,
      );
      assert(isVolumeError(e, 'in_use') && e.message.includes('engine:nginx'), `expected in_use, got ${e}`);
      await m.unmount();
      return `in_use: ${e.message}`;
    });
    await step('remove, allowed and unused', async () => {
      await volumes.snapshots.remove('before-upgrade');
      for (const name of [TASK, 'nginx-data', 'nginx-copy']) await volumes.remove(name);
      const left = (await volumes.list()).items;
      assert(left.length === 0, `${left.length} volumes are left`);
      return 'no volume is left';
    });
  } finally {
    await rex.close();
  }
}
