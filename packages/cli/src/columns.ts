import {
  formatBytes,
  type Holder,
  type Mount,
  type NodeInfo,
  type PlanStep,
  type Snapshot,
  type Volume,
} from '@rexray/core';
import type { Column } from './terminal/columns.ts';

const size = (n: number): string => (n === 0 ? '-' : formatBytes(n));

export const VOLUME: readonly Column<Volume>[] = [
  { head: 'ID', cell: (v) => v.id, gives: 3 },
  { head: 'Name', cell: (v) => v.name, gives: 1 },
  { head: 'Status', cell: (v) => v.state, state: true },
  { head: 'Size', cell: (v) => size(v.sizeBytes) },
];
export const VOLUME_PATH: readonly Column<Volume>[] = [
  ...VOLUME,
  { head: 'Path', cell: (v) => v.mountpoint ?? '', gives: 2 },
];
export const MOUNT: readonly Column<Mount>[] = [
  { head: 'Name', cell: (m) => m.volume, gives: 1 },
  { head: 'Path', cell: (m) => m.path, gives: 2 },
];
export const SNAPSHOT: readonly Column<Snapshot>[] = [
  { head: 'ID', cell: (s) => s.id, gives: 3 },
  { head: 'Name', cell: (s) => s.name, gives: 1 },
  { head: 'Status', cell: (s) => s.consistency, state: true },
  { head: 'VolumeID', cell: (s) => s.volume, gives: 2 },
];
export const HOLDER: readonly Column<Holder>[] = [
  { head: 'Volume', cell: (h) => h.volume, gives: 1 },
  { head: 'Holder', cell: (h) => h.holder, gives: 3 },
  { head: 'Count', cell: (h) => String(h.count) },
  { head: 'Since', cell: (h) => h.since, gives: 2 },
];
export const STEP: readonly Column<PlanStep>[] = [
  { head: 'Step', cell: (s) => s.step },
  { head: 'Does', cell: (s) => `${s.does}${s.maybe === true ? ' (if needed)' : ''}`, gives: 1 },
];
export const SERVICE: readonly Column<{ service: string; driver: string; default: boolean }>[] = [
  { head: 'Name', cell: (s) => s.service },
  { head: 'Driver', cell: (s) => s.driver },
  { head: 'Default', cell: (s) => (s.default ? 'yes' : '') },
];
export const NODE: readonly Column<NodeInfo>[] = [
  { head: 'ID', cell: (n) => n.node, gives: 3 },
  { head: 'Here', cell: (n) => (n.here ? 'yes' : '') },
  { head: 'Hostname', cell: (n) => n.hostname ?? '', gives: 1 },
  { head: 'Volumes', cell: (n) => n.volumes.join(' '), gives: 2 },
];
