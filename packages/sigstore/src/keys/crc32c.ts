/** CRC-32C (RFC 3720 appendix B.4) of some bytes, as an unsigned number. Guards against accidents, not against people. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) === 1 ? polynomial : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/** Castagnoli's, bits reversed. */
const polynomial = 0x82f63b78;
