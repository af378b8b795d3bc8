/** The systemd unit. */
export interface UnitOptions {
  /** Absolute: a unit has no PATH of a person. */
  readonly node: string;
  readonly program: string;
  readonly envFile: string;
}

const quoted = (word: string): string =>
  /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) && !word.includes('%')
    ? word
    : `"${word.replace(/[\\"]/g, '\\$&').replaceAll('%', '%%')}"`;

/**
 * Nothing here may give the service a mount namespace of its own (PrivateTmp=, ProtectSystem=, ReadWritePaths= and their
 * like): containers would not see its mounts, and their writes would land on the root disk (S20).
 * KillMode=process: what looks after claims when the daemon has ended (S11), and a mkfs that runs, must outlive it.
 */
export function unitFile(o: UnitOptions): string {
  return `[Unit]
Description=REX-Ray: persistent volumes for containers
Wants=network-online.target
After=network-online.target local-fs.target remote-fs.target
Before=docker.service podman.service

[Service]
Type=notify
NotifyAccess=all
EnvironmentFile=-${o.envFile}
ExecStart=${quoted(o.node)} ${quoted(o.program)} start
ExecReload=/bin/kill -HUP $MAINPID
KillMode=process
TimeoutStartSec=120
TimeoutStopSec=60
Restart=on-failure
RestartSec=2
LimitNOFILE=65536
OOMScoreAdjust=-500

[Install]
WantedBy=multi-user.target
`;
}
