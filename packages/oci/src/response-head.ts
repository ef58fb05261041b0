/** The head of an answer whose body says where it ends. */
export interface Head {
  readonly status: number;
  /** Names in lower case, several of one name joined by ", ". */
  readonly headers: Readonly<Record<string, string>>;
  /** Of the body, in bytes. */
  readonly length: number | "chunked";
  /** Whether the other side closes the connection after it. */
  readonly isLast: boolean;
}

/** The most bytes of answer headers. */
export const maxHeaderBytes: number = 32 * 1024;

/**
 * Reads the head of an HTTP/1.1 answer (RFC 9112), without the empty line at its end, as latin1. Knows one form and gives undefined
 * for all others, right or wrong: a final status that has a body, one Content-Length or chunks, no folded lines, no line ends but CRLF.
 */
export function parseHead(text: string): Head | undefined {
  const [first = "", ...lines] = text.split("\r\n");
  const status = Number(/^HTTP\/1\.1 ([2-5][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?$/.exec(first)?.[1] ?? 0);
  const headers = readHeaders(lines);
  if (status === 0 || status === 204 || status === 304 || headers === undefined) return undefined;
  const length = lengthOf(headers);
  const connection = headers.get("connection")?.toLowerCase() ?? "keep-alive";
  if (length === undefined || headers.has("upgrade") || headers.has("trailer")) return undefined;
  if (connection !== "keep-alive" && connection !== "close") return undefined;
  return { status, headers: Object.fromEntries(headers), length, isLast: connection === "close" };
}

function lengthOf(headers: ReadonlyMap<string, string>): Head["length"] | undefined {
  const [length, encoding] = [headers.get("content-length"), headers.get("transfer-encoding")];
  // Both together are how answers are smuggled.
  if (encoding !== undefined)
    return length === undefined && encoding.toLowerCase() === "chunked" ? "chunked" : undefined;
  return length !== undefined && /^[0-9]{1,15}$/.test(length) ? Number(length) : undefined;
}

function readHeaders(lines: readonly string[]): ReadonlyMap<string, string> | undefined {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon)).toLowerCase();
    const value = trimmed(line.slice(colon + 1));
    // RFC 9110 §5.1 and §5.5; what is not ASCII comes from older servers.
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name) || /[^\t\x20-\x7e\x80-\xff]/.test(value)) return undefined;
    const before = headers.get(name);
    if (before !== undefined && name === "content-length") return undefined;
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return headers;
}

/** Without spaces and tabs around it, in one pass. */
function trimmed(text: string): string {
  let [from, to] = [0, text.length];
  while (from < to && isBlank(text, from)) from++;
  while (to > from && isBlank(text, to - 1)) to--;
  return text.slice(from, to);
}

function isBlank(text: string, at: number): boolean {
  return text[at] === " " || text[at] === "\t";
}
