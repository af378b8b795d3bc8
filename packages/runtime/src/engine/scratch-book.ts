import {
  type Ctx,
  type Env,
  type Integration,
  isVolumeError,
  type ProcessIdentity,
  type ScratchBook,
  scratchKey,
  VolumeError,
} from '@rexray/core';

interface Entry {
  readonly name: string;
  readonly owner: ProcessIdentity;
}

/** Scratch volumes that this process owns, on disk before they exist: a killed owner's are reaped at a later open. */
export function scratchBook(env: () => Promise<Env>): ScratchBook {
  return {
    async begin(name) {
      const e = await env();
      if (e.policy.removeDisable) {
        const rule = 'libstorage.integration.volume.operations.remove.disable';
        throw new VolumeError(
          'denied',
          `A scratch volume in service "${e.service}" could not be removed at its end: the configuration says ${rule}: true.`,
          { details: { rule }, hint: 'Create an ordinary volume, or set the key to false.' },
        );
      }
      await e.store.commit([{ put: scratchKey(e.service, name), value: { name, owner: e.self } satisfies Entry }]);
    },
    async end(name) {
      const e = await env();
      await e.store.commit([{ del: scratchKey(e.service, name) }], { durable: false });
    },
  };
}

/** Removes the scratch volumes of processes that are gone; a live owner's never. */
export async function reapScratch(env: Env, integration: Integration, ctx: Ctx): Promise<void> {
  for (const [key, entry] of await env.store.list<Entry>(scratchKey(env.service, ''))) {
    if (await lives(env, entry.owner, ctx)) continue;
    try {
      const held = await integration.holders.list({ volume: entry.name });
      for (const h of held) await integration.holders.release(entry.name, h.holder);
      await integration.remove(entry.name);
      await env.store.commit([{ del: key }]);
      env.logger.info(
        { service: env.service, volume: entry.name },
        'removed the scratch volume of a process that is gone',
      );
    } catch (e) {
      env.logger.warn(
        { service: env.service, volume: entry.name, err: isVolumeError(e) ? e.message : String(e) },
        'a scratch volume of a process that is gone could not be removed; tried again at the next open',
      );
    }
  }
}

async function lives(env: Env, owner: ProcessIdentity, ctx: Ctx): Promise<boolean> {
  if (owner.bootId !== env.self.bootId) return false;
  const now = await env.host.identify(owner.pid, ctx);
  return now !== undefined && now.starttime === owner.starttime;
}
