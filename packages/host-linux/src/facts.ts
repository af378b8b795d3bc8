import { accessSync, constants, readFileSync } from 'node:fs';
import { hostname, release } from 'node:os';
import type { HostFacts, Logger } from '@rexray/core';
import type { HostConfig } from './config.ts';
import { hardwareAddresses, nodeId } from './node-id.ts';
import { bootId } from './proc/processes.ts';
import { missingPrograms } from './programs.ts';

function loopUsable(): boolean {
  try {
    accessSync('/dev/loop-control', constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** On EC2 (Nitro) the asset tag of the board is the id of the instance, as its documentation says; elsewhere it is anything. */
function instance(): { readonly instance?: string } {
  try {
    const tag = readFileSync('/sys/devices/virtual/dmi/id/board_asset_tag', 'utf8').trim();
    return /^i-[0-9a-f]{8}([0-9a-f]{9})?$/.test(tag) ? { instance: tag } : {};
  } catch {
    return {};
  }
}

/** What this machine can do. A missing program is a fact, not an error. */
export function hostFacts(config: HostConfig, logger: Logger): HostFacts {
  const macs = hardwareAddresses();
  const root = process.geteuid?.() === 0;
  return {
    nodeId: config.nodeId ?? nodeId(config.stateDir, macs, logger),
    hostname: hostname(),
    bootId: bootId(),
    macs,
    ...instance(),
    kernel: release(),
    root,
    loop: root && loopUsable(),
    missing: missingPrograms(),
  };
}
