import type { Logger } from '@rexray/core';
import { type EffectiveConfig, type LoadOptions, loadConfig, somebodyAnswers } from '@rexray/runtime/config';

/** Server or agent: told to be a server (`libstorage.embedded`) where another one answers, a daemon is that one's agent. */
export class Role {
  readonly #logger: () => Logger;
  /** Whether another process is the server that this one was to be; undefined: not looked yet. */
  #agent: boolean | undefined;

  constructor(logger: () => Logger) {
    this.#logger = logger;
  }

  /** Looks for the other one once, for as long as this runs: later it would find itself. @throws VolumeError `invalid` */
  async load(options: LoadOptions): Promise<EffectiveConfig> {
    const asAgent = { ...options, overrides: { ...options.overrides, 'libstorage.embedded': false } };
    if (this.#agent === true) return loadConfig(asAgent);
    const config = await loadConfig(options);
    if (this.#agent === false) return config;
    this.#agent = config.host !== undefined && config.embedded && (await somebodyAnswers(config.host));
    if (!this.#agent) return config;
    this.#logger().info({ host: config.host }, 'another server answers there: this node uses its storage');
    return loadConfig(asAgent);
  }
}
