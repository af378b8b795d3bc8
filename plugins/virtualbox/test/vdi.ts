/** Reads and writes the first block of a VDI image that nobody has open: what a guest would have written there. */
import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';

const FREE = 0xffffffff;
/** Offsets of 32-bit fields of the header (VDI 1.1): block map, data, block size, blocks allocated. */
const AT = { map: 340, data: 344, blockSize: 376, allocated: 388 };
const LENGTH = 4096;

function field(fd: number, offset: number): number {
  const b = Buffer.alloc(4);
  readSync(fd, b, 0, 4, offset);
  return b.readUInt32LE();
}
function setField(fd: number, offset: number, value: number): void {
  const b = Buffer.alloc(4);
  b.writeUInt32LE(value);
  writeSync(fd, b, 0, 4, offset);
}

export function writeVdi(path: string, text: string): void {
  const fd = openSync(path, 'r+');
  try {
    const [map, data, blockSize] = [field(fd, AT.map), field(fd, AT.data), field(fd, AT.blockSize)];
    let block = field(fd, map);
    if (block >= FREE - 1) {
      block = field(fd, AT.allocated);
      writeSync(fd, Buffer.alloc(blockSize), 0, blockSize, data + block * blockSize);
      setField(fd, AT.allocated, block + 1);
      setField(fd, map, block);
    }
    writeSync(fd, Buffer.concat([Buffer.from(text), Buffer.alloc(LENGTH)]), 0, LENGTH, data + block * blockSize);
  } finally {
    closeSync(fd);
  }
}

export function readVdi(path: string): string {
  const fd = openSync(path, 'r');
  try {
    const block = field(fd, field(fd, AT.map));
    if (block >= FREE - 1) return '';
    const b = Buffer.alloc(LENGTH);
    const at = field(fd, AT.data) + block * field(fd, AT.blockSize);
    if (at >= fstatSync(fd).size) return '';
    readSync(fd, b, 0, LENGTH, at);
    return b.toString('utf8').replace(/\0+$/, '');
  } finally {
    closeSync(fd);
  }
}
