/** What a registry asks for in WWW-Authenticate. */
export interface Challenge {
  /** Lower case. */
  readonly scheme: string;
  /** Parameter names in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** The longest WWW-Authenticate that is read, in UTF-16 units. */
export const maxChallengeChars: number = 8192;

/**
 * The challenges of a WWW-Authenticate header (RFC 9110 §11.6.1) in order; what does not follow the grammar ends the list.
 */
export function parseChallenges(header: string): readonly Challenge[] {
  const scan: Scan = { text: header.slice(0, maxChallengeChars), at: 0 };
  const challenges: Challenge[] = [];
  for (;;) {
    skip(scan, /[\s,]*/y);
    const scheme = take(scan, tokenForm);
    if (scheme === undefined) return challenges;
    challenges.push({ scheme: scheme.toLowerCase(), parameters: readParameters(scan) });
  }
}

interface Scan {
  readonly text: string;
  at: number;
}

const tokenForm = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const parameterForm =
  /[\s,]*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([!#$%&'*+\-.^_`|~0-9A-Za-z/:]+))/y;

/** Parameters up to the next scheme, which no `=` follows. */
function readParameters(scan: Scan): Map<string, string> {
  const parameters = new Map<string, string>();
  for (;;) {
    parameterForm.lastIndex = scan.at;
    const match = parameterForm.exec(scan.text);
    if (match === null) return parameters;
    scan.at = parameterForm.lastIndex;
    const name = (match[1] ?? "").toLowerCase();
    if (!parameters.has(name)) parameters.set(name, match[2]?.replace(/\\(.)/g, "$1") ?? match[3] ?? "");
  }
}

function skip(scan: Scan, form: RegExp): void {
  take(scan, form);
}

function take(scan: Scan, form: RegExp): string | undefined {
  form.lastIndex = scan.at;
  const [text] = form.exec(scan.text) ?? [];
  if (text !== undefined) scan.at += text.length;
  return text;
}
