import type { Command } from 'commander';
import type { GlobalFlags } from '../context.ts';
import type { Printing } from '../output.ts';
import type { Runner } from '../program.ts';
import * as holder from './holder.ts';
import * as snapshot from './snapshot.ts';
import * as volume from './volume.ts';

/** Every command of this program with its flags. The names and aliases are REX-Ray's where it has them. */
export function addCommands(program: Command, run: Runner): void {
  addDaemon(program, run);
  addVolume(program, run);
  addSnapshot(program, run);
  addOthers(program, run);
}

const group = (program: Command, name: string, about: string): Command =>
  program.command(name).description(about).helpOption('-?, --help', 'show help');
const sub = (parent: Command, usage: string, aliases: readonly string[], about: string): Command =>
  parent
    .command(usage)
    .aliases([...aliases])
    .description(about)
    .helpOption('-?, --help', 'show help');

const dry = (c: Command): Command => c.option('-n, --dryRun', 'say what would be done, step by step, and do nothing');
const several = (c: Command): Command =>
  c
    .option('-i, --idempotent', 'what is so already is no error')
    .option('--continueOnError', 'go on with the other names after an error');
const list = (value: string, all: readonly string[] = []): string[] => [...all, value];
const making = (c: Command): Command =>
  c
    .option('--size <size>', 'such as 16 (GiB), 512MiB, 10g')
    .option('--iops <number>', 'hint: I/O operations a second')
    .option('--volumeType <type>', 'hint: kind of storage, in the words of the platform')
    .option('--fsType <type>', 'ext4, xfs or btrfs')
    .option('--availabilityZone <zone>', 'hint: zone of the platform')
    .option('--encrypted', 'it must be encrypted; a driver that cannot refuses')
    .option('--encryptionKey <key>', 'key to encrypt with, as the platform names it')
    .option('-o, --opt <key=value>', 'any other option, also the driver’s own; may be repeated', list);

function addDaemon(program: Command, run: Runner): void {
  const start = (c: Command): Command =>
    c.description('serve volumes, in the foreground').action(
      run.plain(async (_printing: Printing, flags: GlobalFlags) => {
        const { startDaemon } = await import('../daemon/daemon.ts');
        return startDaemon({ io: run.io, flags });
      }),
    );
  start(sub(program, 'start', [], ''));
}

function addVolume(program: Command, run: Runner): void {
  const v = group(program, 'volume', 'volumes of a service').alias('v');
  sub(v, 'ls [names...]', ['l', 'list', 'get'], 'list volumes')
    .option('--path', 'where they are mounted')
    .option('--attached', 'only those that are attached to this node')
    .option('--available', 'only those that no node has')
    .action(run.over(volume.ls));
  sub(v, 'inspect <names...>', [], 'everything about volumes')
    .option('--continueOnError')
    .action(run.over(volume.inspect));
  dry(several(making(sub(v, 'create <names...>', ['c', 'n', 'new'], 'make volumes'))))
    .option('--overwriteFS', 'format the new volume although nothing proves that it is blank')
    .option('--force', 'accepted, as by REX-Ray; it has no effect')
    .option('--snapshotID <id>', 'make it from the snapshot with this id of the platform')
    .option('--snapshotName <name>', 'make it from this snapshot')
    .option('--volumeID <id>', 'make it a copy of the volume with this id of the platform')
    .option('--volumeName <name>', 'make it a copy of this volume')
    .action(run.over(volume.create));
  dry(several(sub(v, 'rm <names...>', ['r', 'remove', 'delete', 'del'], 'remove volumes')))
    .option('--force', 'although the storage says that it is attached')
    .action(run.over(volume.remove));
  dry(several(sub(v, 'mount <names...>', ['m'], 'mount volumes on this node')))
    .option('--force', 'take them from the node that has them')
    .option('--readOnly', 'read-only')
    .option('--fsType <type>', 'what its file system must be')
    .option('--overwriteFS', 'accepted, as by REX-Ray: consent to format is given when a volume is made')
    .action(run.over(volume.mount));
  dry(several(sub(v, 'unmount <names...>', ['u', 'umount'], 'give mounts back')))
    .option('--force', 'accepted, as by REX-Ray; it has no effect')
    .action(run.over(volume.unmount));
  dry(several(sub(v, 'attach <names...>', ['a'], 'attach volumes to this node')))
    .option('--force', 'take them from the node that has them')
    .action(run.over(volume.attach));
  dry(several(sub(v, 'detach <names...>', ['d'], 'detach volumes from this node')))
    .option('--force', 'although somebody has them')
    .action(run.over(volume.detach));
  dry(sub(v, 'expand <name>', ['grow', 'resize'], 'grow a volume and its file system'))
    .option('--size <size>', 'new size, such as 32 (GiB) or 512MiB')
    .action(run.over(volume.expand));
  dry(making(sub(v, 'clone <from> <to>', ['copy'], 'copy a volume under a new name'))).action(run.over(volume.clone));
  sub(v, 'plan <verb> <names...>', [], 'what a verb would do: "volume plan create data --size 5"').allowUnknownOption();
}

function addSnapshot(program: Command, run: Runner): void {
  const s = group(program, 'snapshot', 'snapshots of a service');
  sub(s, 'ls', ['l', 'list', 'get'], 'list snapshots')
    .option('--volume <name>', 'only those of this volume')
    .action(run.over(snapshot.ls));
  dry(sub(s, 'create <volume> <name>', ['c', 'n', 'new'], 'take a snapshot of a volume')).action(
    run.over(snapshot.create),
  );
  dry(several(sub(s, 'rm <names...>', ['r', 'remove', 'delete', 'del'], 'remove snapshots'))).action(
    run.over(snapshot.remove),
  );
  dry(making(sub(s, 'restore <snapshot> <volume>', [], 'make a new volume from a snapshot'))).action(
    run.over(snapshot.restore),
  );
}

function addOthers(program: Command, run: Runner): void {
  const h = group(program, 'holder', 'who needs which mount on this node');
  sub(h, 'ls', ['l', 'list', 'get'], 'list holders')
    .option('--volume <name>', 'only those of this volume')
    .action(run.over(holder.ls));
  dry(sub(h, 'release <volume> <holder>', ['rm'], 'drop a holder that is gone for good')).action(
    run.over(holder.release),
  );
  const service = group(program, 'service', 'configured services');
  sub(service, 'ls', ['l', 'list', 'get'], 'list services').action(
    run.plain(async (printing: Printing, flags: GlobalFlags, logger) => {
      const { ls } = await import('./service.ts');
      return ls(run.io, printing, flags, logger);
    }),
  );
  sub(service, 'start', [], 'the same as "rexray start"').action(
    run.plain(async (_printing: Printing, flags: GlobalFlags) => {
      const { startDaemon } = await import('../daemon/daemon.ts');
      return startDaemon({ io: run.io, flags });
    }),
  );
  const config = group(program, 'config', 'the configuration');
  sub(config, 'show', [], 'what is set, and where')
    .option('--all', 'every key, with the defaults')
    .action(
      run.plain(async (printing: Printing, flags: GlobalFlags) => {
        const { show } = await import('./config.ts');
        return show(run.io, printing, flags);
      }),
    );
  sub(config, 'validate', ['check'], 'read everything, load every driver, change nothing').action(
    run.plain(async (printing: Printing, flags: GlobalFlags, logger) => {
      const { validate } = await import('./config.ts');
      return validate(run.io, printing, flags, logger);
    }),
  );
  sub(program, 'version', [], 'version of this program').action(
    run.plain(async (printing: Printing) => {
      const { version, versionText } = await import('./version.ts');
      const { print } = await import('../output.ts');
      await print(run.io, printing, version(), { lines: [versionText().trimEnd()] });
      return 0;
    }),
  );
}
