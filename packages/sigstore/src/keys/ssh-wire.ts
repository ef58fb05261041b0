import { parseUtf8 } from "@countersign/core";

/** The longest number that is read, in bytes: one of RSA with 8192 bits. A longer one would only cost time, by its square. */
const maxMpintBytes = 1025;

/** Reads the fields of an SSH message one after another (RFC 4251 §5). Every reader throws `malformed()` past the end. */
export interface SshReader {
  uint32(): number;
  string(): Uint8Array;
  text(): string;
  /** A number that is not negative. */
  mpint(): bigint;
  rest(): Uint8Array;
}

/** Starts to read `bytes`; `malformed` makes the error, which repeats nothing of them. */
export function readSsh(bytes: Uint8Array, malformed: () => Error): SshReader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const take = (length: number): Uint8Array => {
    if (length > bytes.length - at) throw malformed();
    at += length;
    return bytes.subarray(at - length, at);
  };
  const uint32 = (): number => {
    take(4);
    return view.getUint32(at - 4);
  };
  const string = (): Uint8Array => take(uint32());
  return {
    uint32,
    string,
    text: () => orElse(() => parseUtf8(string()), malformed),
    mpint: () => readMpint(string(), malformed),
    rest: () => take(bytes.length - at),
  };
}

function readMpint(bytes: Uint8Array, malformed: () => Error): bigint {
  const [first = 0, second = 0] = bytes;
  const isNegative = first >= 0x80;
  const isPadded = bytes.length > 0 && first === 0 && second < 0x80;
  if (isNegative || isPadded || bytes.length > maxMpintBytes) throw malformed();
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

function orElse<T>(read: () => T, malformed: () => Error): T {
  try {
    return read();
  } catch {
    throw malformed();
  }
}
