/** CRC-32C (Castagnoli), which all three file systems use; zlib has another polynomial. */
const TABLE = new Uint32Array(256);
for (let n = 0; n < 256; n++) {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
  TABLE[n] = c >>> 0;
}

/** Continues a raw CRC: nothing is inverted before or after. Begin with 0xffffffff. */
export function crc32cRaw(data: Uint8Array, crc = 0xffffffff): number {
  let c = crc;
  for (let i = 0; i < data.length; i++) c = (c >>> 8) ^ (TABLE[(c ^ (data[i] as number)) & 0xff] as number);
  return c >>> 0;
}

/** The usual CRC-32C: inverted at the end. */
export const crc32c = (data: Uint8Array): number => ~crc32cRaw(data) >>> 0;
