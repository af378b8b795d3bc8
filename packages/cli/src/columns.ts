import { formatBytes, type Holder, type Mount, type PlanStep, type Snapshot, type Volume } from '@rexray/core';
import type { Column } from './output.ts';

const size = (n: number): string => (n === 0 ? '-' : formatBytes(n));

export const VOLUME: readonly Column<Volume>[] = [
  { head: 'ID', cell: (v) => v.id },
  { head: 'Name', cell: (v) => v.name },
  { head: 'Status', cell: (v) => v.state },
  { head: 'Size', cell: (v) => size(v.sizeBytes) },
];
export const VOLUME_PATH: readonly Column<Volume>[] = [...VOLUME, { head: 'Path', cell: (v) => v.mountpoint ?? '' }];
export const MOUNT: readonly Column<Mount>[] = [
  { head: 'Name', cell: (m) => m.volume },
  { head: 'Path', cell: (m) => m.path },
];
export const SNAPSHOT: readonly Column<Snapshot>[] = [
  { head: 'ID', cell: (s) => s.id },
  { head: 'Name', cell: (s) => s.name },
  { head: 'Status', cell: (s) => s.consistency },
  { head: 'VolumeID', cell: (s) => s.volume },
];
export const HOLDER: readonly Column<Holder>[] = [
  { head: 'Volume', cell: (h) => h.volume },
  { head: 'Holder', cell: (h) => h.holder },
  { head: 'Count', cell: (h) => String(h.count) },
  { head: 'Since', cell: (h) => h.since },
];
export const STEP: readonly Column<PlanStep>[] = [
  { head: 'Step', cell: (s) => s.step },
  { head: 'Does', cell: (s) => `${s.does}${s.maybe === true ? ' (if needed)' : ''}` },
];
export const SERVICE: readonly Column<{ service: string; driver: string; default: boolean }>[] = [
  { head: 'Name', cell: (s) => s.service },
  { head: 'Driver', cell: (s) => s.driver },
  { head: 'Default', cell: (s) => (s.default ? 'yes' : '') },
];
