/** Version of this package; a constant, so that the single file needs no other file to say it. */
export const VERSION = '0.1.0';

/** As `uname -m` says it, which is what the original printed. */
const ARCH: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64' };

/** What `dvdcli version` prints: the original's lines, as far as they are true here. */
export const versionText = (program: string): string =>
  `Binary: ${program}\nSemVer: ${VERSION}\nOsArch: Linux-${ARCH[process.arch] ?? process.arch}\nNode: ${process.versions.node}\n`;
