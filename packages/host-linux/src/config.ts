import { type Output, schema, Type } from '@rexray/core/schema';

const text = (description: string, o: object = {}) => Type.String({ description, ...o });

/** Settings of the Linux host. */
export const hostConfig = schema(
  Type.Object(
    {
      stateDir: text('Directory of this node: its identity, and the locks of its volumes. Never on a network.'),
      nodeId: Type.Optional(text('Identity of this node instead of the one that is made once (rexray.node.id).')),
      allowRoots: Type.Optional(
        Type.Array(Type.String(), {
          description:
            'Files and directories are used only below these directories (rexray.allowRoots); absent: anywhere.',
        }),
      ),
      mountNamespace: Type.Optional(
        text(
          'Folder in /proc of a process in whose mount namespace the volumes are consumed (rexray.node.mountNamespace).',
          {
            pattern: '^/proc/(self|[0-9]+)$',
          },
        ),
      ),
      pathsTranslated: Type.Optional(
        Type.Boolean({
          description:
            'Consumers find mounts elsewhere than this process does, because an engine translates the paths (rexray.node.pathsTranslated).',
        }),
      ),
      mountRoot: Type.Optional(
        text(
          'Directory below which volumes are mounted. A disk that is mounted elsewhere is then never taken for a volume.',
        ),
      ),
      byIdDir: Type.Optional(text('Where disks are found by identity. Default /dev/disk/by-id.')),
      scsiHostDir: Type.Optional(
        text('Where SCSI hosts are asked to look for new disks. Default class/scsi_host below sysDir.'),
      ),
      sysDir: Type.Optional(text('Where the kernel describes disks. Default /sys.')),
      devDir: Type.Optional(text('Where the device nodes of disks are. Default /dev.')),
    },
    { additionalProperties: false },
  ),
);
export type HostConfig = Output<typeof hostConfig>;

export const DEFAULT_BY_ID = '/dev/disk/by-id';
/** The first process of the host: engines and their tasks run in its mount namespace. */
export const DEFAULT_NAMESPACE = '/proc/1';
