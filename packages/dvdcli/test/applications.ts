/** The applications of docs/mesos.md: what is documented is what is replayed. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { WORKSPACE } from '@rexray/rig';
import type { DockerVolume } from './mesos-isolator.ts';

/** An application of Marathon, as far as volumes go. */
export interface App {
  readonly id: string;
  readonly cmd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly container?: {
    readonly volumes: readonly {
      readonly external: { name: string; provider: string; size?: number; options: Record<string, string> };
    }[];
  };
}

export const PAGE = readFileSync(join(WORKSPACE, 'docs/mesos.md'), 'utf8');
/** Code blocks of the page. */
export const blocks = (language: string): string[] =>
  [...PAGE.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map((m) => m[1] ?? '');
export const APPS = blocks('json').map((text) => JSON.parse(text) as App);
/** What Marathon makes of an external volume for the isolator. */
export const dockerVolumes = (app: App): DockerVolume[] =>
  (app.container?.volumes ?? []).map(({ external: { name, size, options } }) => ({
    name,
    driver: options['dvdi/driver'] ?? 'rexray',
    options: {
      ...(size !== undefined && { size: String(size) }),
      ...Object.fromEntries(
        Object.entries(options)
          .filter(([k]) => k !== 'dvdi/driver')
          .map(([k, v]) => [k.replace('dvdi/', ''), v]),
      ),
    },
  }));
