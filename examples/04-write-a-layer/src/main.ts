import localDir from '@rexray/driver-local-dir';
import { isVolumeError, openRexray } from '@rexray/runtime';
import { namedAfter } from './named-after.ts';

await using rex = await openRexray({
  services: { files: localDir({ volumePath: './volumes' }) },
  layers: [namedAfter(['web', 'db'])],
});
const files = rex.service('files');
const refused = await files.create('stuff').catch((e: unknown) => e);
console.log(isVolumeError(refused, 'denied') ? refused.text : refused);
const { name } = await files.create('db-orders');
console.log(`created ${name}`);
await files.remove(name);
