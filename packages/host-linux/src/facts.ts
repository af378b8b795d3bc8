import { accessSync, constants } from 'node:fs';
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

/** What this machine can do. A missing program is a fact, not an error. */
export function hostFacts(config: HostConfig, logger: Logger): HostFacts {
  const macs = hardwareAddresses();
  const root = process.geteuid?.() === 0;
  return {
    nodeId: config.nodeId ?? nodeId(config.stateDir, macs, logger),
    hostname: hostname(),
    bootId: bootId(),
    macs,
    kernel: release(),
    root,
    loop: root && loopUsable(),
    missing: missingPrograms(),
  };
}
