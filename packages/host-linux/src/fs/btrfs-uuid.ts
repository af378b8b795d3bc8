import { BTRFS_MIRRORS, BTRFS_SB_AT, BTRFS_SB_BYTES, parseBtrfs, writeChecksum } from './btrfs.ts';
import { type Change, uuidBytes, writeInOrder } from './ordered-writes.ts';
import { type Place, type Reader, uuidAt, withReader } from './reader.ts';

const FSID_AT = 0x20;
const BYTENR_AT = 0x30;
const FLAGS_AT = 0x38;
const INCOMPAT_AT = 0xbc;
const METADATA_UUID_AT = 0x23b;
const INCOMPAT_METADATA_UUID = 1n << 10n;
/** What `btrfstune -M` sets before it changes anything and takes away with its one change. */
const FLAG_CHANGING_FSID_V2 = 1n << 36n;

/** The UUID that metadata blocks carry stays in the superblock beside the new one (Linux 5.0 and later). */
function withUuid(superblock: Buffer, uuid: string, at: number): Buffer | undefined {
  const b = Buffer.from(superblock);
  b.writeBigUInt64LE(BigInt(at), BYTENR_AT);
  b.writeBigUInt64LE(b.readBigUInt64LE(FLAGS_AT) & ~FLAG_CHANGING_FSID_V2, FLAGS_AT);
  uuidBytes(uuid).copy(b, FSID_AT);
  if (uuidAt(b, METADATA_UUID_AT) === uuid) {
    b.writeBigUInt64LE(b.readBigUInt64LE(INCOMPAT_AT) & ~INCOMPAT_METADATA_UUID, INCOMPAT_AT);
    b.fill(0, METADATA_UUID_AT, METADATA_UUID_AT + 16);
  }
  return writeChecksum(b) ? b : undefined;
}

/** All writes of the change in their order, each of one superblock; undefined when it has another shape. */
export function plannedBtrfsWrites(reader: Reader, uuid: string): Change[] | undefined {
  const first = reader.read(BTRFS_SB_AT, BTRFS_SB_BYTES);
  const sb = parseBtrfs(first, BTRFS_SB_AT, reader.sizeBytes);
  if (sb?.kind !== 'ok' || sb.failed === true || sb.devices !== 1) return undefined;
  if ((first.readBigUInt64LE(INCOMPAT_AT) & INCOMPAT_METADATA_UUID) === 0n) return undefined;
  const mirrors = BTRFS_MIRRORS.filter((at) =>
    parseBtrfs(reader.read(at, BTRFS_SB_BYTES), at, Number.MAX_SAFE_INTEGER),
  );
  const list: Change[] = [];
  // The primary last: until then the file system is the old one, and the kernel reads no other.
  for (const at of [...mirrors, BTRFS_SB_AT]) {
    const data = withUuid(first, uuid, at);
    if (data === undefined) return undefined;
    list.push({ at, data });
  }
  return list;
}

/**
 * A new UUID for a btrfs whose superblock keeps the UUID of its metadata apart (METADATA_UUID): one write per superblock,
 * which survives a kill at any point. `btrfstune -M` does the same in two transactions, and killed between them leaves
 * what neither it nor `btrfs check` accepts any more (btrfs-progs before 6.6); that is finished here.
 * @returns false when it has a shape that is left to btrfstune
 * @throws `in_use` mounted or held
 */
export async function changeBtrfsUuid(place: Place, uuid: string): Promise<boolean> {
  const list = await withReader(place, (reader) => plannedBtrfsWrites(reader, uuid));
  if (list === undefined) return false;
  writeInOrder(place, list);
  return true;
}
