import { readFileSync, realpathSync } from 'node:fs';
import type { Plain } from '../table/row.ts';

/** As `uname -m` says it, which is what REX-Ray printed. */
const ARCH: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'ARMv8', arm: 'ARMv7' };

export interface Version {
  readonly binary: string;
  readonly semVer: string;
  readonly osArch: string;
  readonly node: string;
}

/** Written in by the build, so that the single file need not look for another. */
declare const REXRAY_VERSION: string | undefined;

function semVer(): string {
  if (typeof REXRAY_VERSION === 'string') return REXRAY_VERSION;
  const manifest = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}

export function version(): Version {
  const os = process.platform === 'linux' ? 'Linux' : process.platform;
  return {
    binary: program(process.argv[1] ?? ''),
    semVer: semVer(),
    osArch: `${os}-${ARCH[process.arch] ?? process.arch}`,
    node: process.versions.node,
  };
}

function program(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

export function versionText(): string {
  const v = version();
  return `REX-Ray\n-------\nBinary: ${v.binary}\nSemVer: ${v.semVer}\nOsArch: ${v.osArch}\nNode: ${v.node}\n`;
}

export async function show({ io, printing }: Plain): Promise<number> {
  const { print } = await import('../output.ts');
  await print(io, printing, version(), { lines: versionText().trimEnd().split('\n') });
  return 0;
}
