import localDir from '@rexray/driver-local-dir';
import { openRexray } from '@rexray/runtime';

await using rex = await openRexray({ services: { ci: localDir({ volumePath: './ci-volumes' }) } });
const ci = rex.service('ci');
{
  await using work = await ci.scratch({ size: '1GiB', onProgress: (p) => console.error(p.phase, p.done) });
  console.log(work.path); // mounted and empty: run the build here
  await ci.snapshots.create(work.name, 'warm-cache'); // outlives the scratch volume
} // unmounted and removed here; after a kill -9 the next open does it
const job = await ci.create('job-42', { from: { snapshot: 'warm-cache' }, size: '2GiB', timeoutMs: 60_000 });
await ci.remove(job.name); // refused while somebody holds it: isVolumeError(e, 'in_use') names the holders
await ci.snapshots.remove('warm-cache');
