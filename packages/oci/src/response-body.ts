/** The most pieces that a body may come in. */
export const maxPieces: number = 4096;

/** What came of one more piece: more is to come, that was all, or the body is not of the one form. */
export type Taken = "more" | "all" | "other";

/** Gathers a body as it comes. */
export interface BodyReader {
  readonly pieces: readonly Uint8Array[];
  take(piece: Uint8Array): Taken;
}

/** A body of so many bytes, and not one more. */
export function readSized(length: number): BodyReader {
  const pieces: Uint8Array[] = [];
  let missing = length;
  return {
    pieces,
    take(piece) {
      missing -= piece.length;
      if (piece.length > 0) pieces.push(piece);
      if (missing < 0 || pieces.length > maxPieces) return "other";
      return missing === 0 ? "all" : "more";
    },
  };
}

/** A body in chunks (RFC 9112 §7.1) of at most `maxBytes` together, without extensions or trailers. */
export function readChunked(maxBytes: number): BodyReader {
  return new ChunkReader(maxBytes);
}

/** The longest line, in bytes: seven digits and a carriage return. */
const maxLine = 8;
const lineFeed = 0x0a;

class ChunkReader implements BodyReader {
  readonly pieces: Uint8Array[] = [];
  /** In a chunk's size, its bytes, the line end after them, or the one after the last size, which is nought. */
  #at: "size" | "data" | "gap" | "last" = "size";
  #line = "";
  #missing = 0;
  #left: number;

  constructor(maxBytes: number) {
    this.#left = maxBytes;
  }

  take(piece: Uint8Array): Taken {
    let taken: Taken = "more";
    for (let rest = piece; rest.length > 0;) {
      if (taken !== "more") return "other";
      const used = this.#at === "data" ? Math.min(rest.length, this.#missing) : lineLength(rest);
      const part = rest.subarray(0, used);
      taken = this.#at === "data" ? this.#takeData(part) : this.#takeLine(part);
      rest = rest.subarray(used);
    }
    return taken;
  }

  #takeData(part: Uint8Array): Taken {
    this.#missing -= part.length;
    if (this.#missing === 0) this.#at = "gap";
    return this.pieces.push(part) > maxPieces ? "other" : "more";
  }

  /** Of a line, all or what has come of it. */
  #takeLine(part: Uint8Array): Taken {
    if (this.#line.length + part.length > maxLine + 1) return "other";
    this.#line += String.fromCharCode(...part);
    if (!this.#line.endsWith("\n")) return "more";
    const line = this.#line;
    this.#line = "";
    return this.#at === "size" ? this.#takeSize(line) : this.#takeEnd(line);
  }

  #takeSize(line: string): Taken {
    if (!/^[0-9A-Fa-f]{1,7}\r\n$/.test(line)) return "other";
    this.#missing = Number.parseInt(line, 16);
    this.#left -= this.#missing;
    this.#at = this.#missing === 0 ? "last" : "data";
    return this.#left < 0 ? "other" : "more";
  }

  #takeEnd(line: string): Taken {
    if (line !== "\r\n") return "other";
    if (this.#at === "last") return "all";
    this.#at = "size";
    return "more";
  }
}

/** Up to and with the first line feed, or all. */
function lineLength(bytes: Uint8Array): number {
  const end = bytes.indexOf(lineFeed);
  return end === -1 ? bytes.length : end + 1;
}
