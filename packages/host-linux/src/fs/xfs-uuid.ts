import { type Change, uuidBytes, writeInOrder } from './ordered-writes.ts';
import { type Place, type Reader, uuidAt, withReader } from './reader.ts';
import { crcMatches, parseXfs, withLogState, writeCrc, type XfsSuperblock } from './xfs.ts';
import { findUnmountRecord, recordCrc, type UnmountRecord } from './xfs-log.ts';

const UUID_AT = 32;
const META_UUID_AT = 248;
const INCOMPAT_AT = 216;
const INCOMPAT_META_UUID = 0x4;
const LOG_UUID_AT = 304;
const LOG_CRC_AT = 32;

/** The UUID that metadata blocks carry stays in the superblock, as xfs_db leaves it (Linux 4.3 and later). */
function withUuid(sector: Buffer, uuid: string): Buffer {
  const b = Buffer.from(sector);
  const incompat = b.readUInt32BE(INCOMPAT_AT);
  const has = (incompat & INCOMPAT_META_UUID) !== 0;
  const metadata = uuidAt(sector, has ? META_UUID_AT : UUID_AT);
  uuidBytes(uuid).copy(b, UUID_AT);
  if (metadata === uuid) {
    b.writeUInt32BE((incompat & ~INCOMPAT_META_UUID) >>> 0, INCOMPAT_AT);
    b.fill(0, META_UUID_AT, META_UUID_AT + 16);
  } else {
    b.writeUInt32BE((incompat | INCOMPAT_META_UUID) >>> 0, INCOMPAT_AT);
    uuidBytes(metadata).copy(b, META_UUID_AT);
  }
  writeCrc(b);
  return b;
}

/**
 * The kernel refuses a log of another UUID, but takes one of none (IRIX wrote such logs). With it the log fits the old
 * superblock and the new one, so there is no moment at which a kill does harm.
 */
function withoutUuid(record: UnmountRecord): Change | undefined {
  const stored = record.header.readUInt32LE(LOG_CRC_AT);
  // mkfs.xfs writes no checksum; any other must be one that we can compute, or we do not touch the record.
  if (stored !== 0 && stored !== recordCrc(record)) return undefined;
  const header = Buffer.from(record.header);
  header.fill(0, LOG_UUID_AT, LOG_UUID_AT + 16);
  if (stored !== 0) header.writeUInt32LE(recordCrc({ ...record, header }), LOG_CRC_AT);
  return { at: record.at, data: header };
}

/** All writes of the change in their order, each within one sector; undefined when the file system has another shape. */
export function plannedWrites(reader: Reader, sb: XfsSuperblock, uuid: string): Change[] | undefined {
  if (sb.version !== 5 || sb.clean !== true || sb.log === undefined || sb.sectorSize > 4096) return undefined;
  const record = findUnmountRecord((at, length) => reader.read(at, length), sb.log);
  const log = record && withoutUuid(record);
  if (log === undefined) return undefined;
  const list = [log];
  // The primary last: until then the file system is the old one.
  for (let ag = sb.agCount - 1; ag >= 0; ag--) {
    const at = ag * sb.agBytes;
    const sector = reader.read(at, sb.sectorSize);
    if (sector.length < sb.sectorSize || sector.toString('latin1', 0, 4) !== 'XFSB' || !crcMatches(sector))
      return undefined;
    list.push({ at, data: withUuid(sector, uuid) });
  }
  return list;
}

/**
 * A new UUID for an xfs of version 5 with a clean log, in a way that survives a kill at any point (`xfs_admin -U` clears
 * the log in many writes, after most of which the file system can neither be mounted nor changed again).
 * @returns false when it has a shape that is left to xfs_admin
 * @throws `in_use` mounted or held
 */
export async function changeXfsUuid(place: Place, uuid: string): Promise<boolean> {
  const list = await withReader(place, (reader) => {
    const sb = parseXfs(reader.read(0, 4096), 0, reader.sizeBytes);
    return sb?.kind === 'ok' ? plannedWrites(reader, withLogState(sb, reader), uuid) : undefined;
  });
  if (list === undefined) return false;
  writeInOrder(place, list);
  return true;
}
