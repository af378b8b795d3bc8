/** The main job on real input: the volumes of a Mesos task and of an nginx, from creation to removal. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, readFileSync, statfsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseOptions, splitOptionString } from '@rexray/core/options';
import { isVolumeError, openRexray } from '@rexray/runtime';
import { REMOVE } from './place.mjs';
import { heading, say, step } from './report.mjs';

const TASK = 'test12345';
const VOLUMES = [TASK, 'nginx-data', 'nginx-copy'];
const SNAPSHOT = 'before-upgrade';
/** What stays mounted after a failure is given back by this program itself, not watched by another. */
const ALONE = { leaveWatcher: () => false };
const CONSISTENCY = {
  clean: 'a clean file system (frozen meanwhile)',
  crash: 'as after a power cut (a directory cannot be frozen)',
};
const assert = (ok, what) => {
  if (!ok) throw new Error(`quickstart: ${what}`);
};

/**
 * @param o `{ config, service, fsType, system, made }`: the operator's file, the service it names, the file system of step 1
 *   (absent on directories), whether others may have volumes there, and what to call with the kind and id of all that is made
 */
export async function story(o) {
  const rex = await openRexray({ config: o.config, ...ALONE });
  try {
    if (o.system) await refuseOthers(rex.service());
    await mesosTask(rex.service(), o);
    await nginx(rex.service(), o);
    await refusedRemove(rex.service());
  } finally {
    await rex.close();
  }
  await allowedRemove(o);
}

/** At the system's own places these names may be somebody's volumes, and the story ends by removing them. */
async function refuseOthers(volumes) {
  const taken = [];
  for await (const v of volumes.volumes()) if (VOLUMES.includes(v.name)) taken.push(`volume ${v.name}`);
  for (const s of (await volumes.snapshots.list()).items) if (s.name === SNAPSHOT) taken.push(`snapshot ${s.name}`);
  if (taken.length === 0) return;
  throw new Error(
    `quickstart: ${taken.join(', ')} exist already and are not of this quick start. Nothing was touched: leave --system out, or remove them first.`,
  );
}

async function mesosTask(volumes, { service, fsType, made }) {
  heading('1. A Mesos task brings its volume (DVDI_VOLUME_OPTS)');
  const opts = `size=5,iops=150,volumetype=io1,newfstype=${fsType ?? 'xfs'},overwritefs=true`;
  say(opts);
  const wish = parseOptions(splitOptionString(opts));
  if (fsType === undefined) {
    delete wish.fsType;
    delete wish.overwriteFs;
    say('newfstype and overwritefs are left out: a directory has no file system of its own');
  }
  await step(`create ${TASK} in service ${service}`, async () => {
    const v = await volumes.create(TASK, wish);
    made('volumes', v.id);
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

async function nginx(volumes, o) {
  heading('3. A volume for nginx: default size, a real file, a snapshot, a clone, growth');
  await step('create nginx-data', async () => {
    const v = await volumes.create('nginx-data');
    o.made('volumes', v.id);
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
    await copies(volumes, original, written, o);
  } finally {
    await original.unmount();
  }
}

async function copies(volumes, original, written, { service, made }) {
  await step('snapshot, while it is mounted', async () => {
    const s = await volumes.snapshots.create('nginx-data', SNAPSHOT);
    made('snapshots', s.id);
    return `${s.name}, ${CONSISTENCY[s.consistency] ?? s.consistency}`;
  });
  await step('clone from the snapshot, mounted beside the original', async () => {
    const v = await volumes.create('nginx-copy', { from: { snapshot: SNAPSHOT } });
    made('volumes', v.id);
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
  const rex = await openRexray({ config, overrides: { [REMOVE]: false }, ...ALONE });
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
      await volumes.snapshots.remove(SNAPSHOT);
      for (const name of VOLUMES) await volumes.remove(name);
      const left = (await volumes.list()).items.filter((v) => VOLUMES.includes(v.name));
      assert(left.length === 0, `${left.length} volumes are left`);
      return 'no volume of this story is left';
    });
  } finally {
    await rex.close();
  }
}
