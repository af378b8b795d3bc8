import { type Logger, silentLogger } from '@rexray/core';
import * as kernel from '@rexray/kernel';
import { LmdbStore } from '../src/index.ts';

export const openStore = (dir: string, log: Logger = silentLogger): LmdbStore => new LmdbStore({ dir }, kernel, log);
