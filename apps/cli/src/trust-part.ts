import {
  parseCertificate,
  parsePem,
  parsePublicKey,
  parseUtf8,
  quote,
  type Certificate,
  type TrustError,
} from "@countersign/core";
import {
  parseTime,
  type AuthorityPart,
  type LogPart,
  type Selector,
  type Service,
  type Window,
} from "@countersign/sigstore";
import { cliError } from "./errors.ts";
import { readSmallFile } from "./input.node.ts";

/** What the command line may say of one service: `url=…,certificate-chain=…`. */
const names = {
  "--fulcio": ["url", "certificate-chain", "api-version", "start-time", "end-time", "operator"],
  "--tsa": ["url", "certificate-chain", "api-version", "start-time", "end-time", "operator"],
  "--ctfe": ["url", "public-key", "start-time", "end-time", "operator"],
  "--rekor": ["url", "public-key", "api-version", "start-time", "end-time", "origin", "operator"],
  "--oidc-provider": ["url", "api-version", "start-time", "end-time", "operator"],
} as const;

type PartFlag = keyof typeof names;

/** An authority of a trust root, and the same as a service to sign with. */
export function readAuthorityPart(
  flag: "--fulcio" | "--tsa",
  text: string,
): { readonly part: AuthorityPart; readonly service: Service } {
  const values = readValues(flag, text);
  checkFirstVersion(values);
  const url = urlOf(values);
  const chain = readChain(values.need("certificate-chain"), flag);
  const validFor = windowOf(values);
  const startMs = validFor.startMs ?? Math.max(...chain.map((each) => each.notBeforeMs));
  const operator = values.get("operator");
  const part = { url, chain, validFor, ...(operator !== undefined && { operator }) };
  const service = { url, majorApiVersion: 1, operator: operator ?? "", validFor: { ...validFor, startMs } };
  return { part, service };
}

/** A log of a trust root, and the same as a service to sign with. */
export function readLogPart(
  flag: "--rekor" | "--ctfe",
  text: string,
): { readonly part: LogPart; readonly service: Service } {
  const values = readValues(flag, text);
  const url = urlOf(values);
  const spki = parsePublicKey(readSmallFile(values.need("public-key"), "public key"));
  const version = flag === "--ctfe" ? 1 : versionOf(values);
  const validFor = { ...windowOf(values), startMs: startOf(values) };
  const [operator, origin] = [values.get("operator"), values.get("origin")];
  if (origin !== undefined && !/^[^\s+/:@#?][^\s+@#?]*$/.test(origin))
    throw wrong(flag, "an origin such as rekor.example/log", quote(origin));
  const part = {
    url,
    spki,
    idOf: version === 2 ? ("name-and-key" as const) : ("key" as const),
    validFor,
    ...(operator !== undefined && { operator }),
    ...(origin !== undefined && { origin }),
  };
  return { part, service: { url, majorApiVersion: version, operator: operator ?? "", validFor } };
}

/** A service that stands in the signing config only. Without a start it is valid from `nowMs`. */
export function readServicePart(flag: Exclude<PartFlag, "--ctfe">, text: string, nowMs: number): Service {
  const values = readValues(flag, text);
  const majorApiVersion = flag === "--rekor" ? versionOf(values) : 1;
  if (flag !== "--rekor") checkFirstVersion(values);
  const validFor = windowOf(values);
  const startMs = validFor.startMs ?? nowMs;
  return {
    url: urlOf(values),
    majorApiVersion,
    operator: values.get("operator") ?? "",
    validFor: { ...validFor, startMs },
  };
}

/** Whether a part says by which key or certificate it is known, which a trust root takes and a signing config does not. */
export function isKnownPart(text: string): boolean {
  return /(?:^|,)\s*(?:certificate-chain|public-key)=/.test(text);
}

/** ANY, ALL or EXACT:<n>. */
export function readSelector(flag: string, text: string | undefined): Selector {
  if (text === undefined || text === "ANY") return { kind: "any" };
  if (text === "ALL") return { kind: "all" };
  const count = /^EXACT:([1-9]\d{0,2})$/.exec(text)?.[1];
  if (count === undefined) throw wrong(flag, "ANY, ALL or EXACT:<n>", quote(text));
  return { kind: "exact", count: Number(count) };
}

interface Values {
  readonly flag: PartFlag;
  readonly get: (name: string) => string | undefined;
  readonly need: (name: string) => string;
}

function readValues(flag: PartFlag, text: string): Values {
  const known: readonly string[] = names[flag];
  const values = new Map<string, string>();
  for (const pair of text.split(",")) {
    const [, name = "", value = ""] = /^\s*([^=]*)=(.*)$/s.exec(pair) ?? [];
    if (!known.includes(name)) throw wrong(flag, `members ${known.join(", ")}`, quote(pair));
    if (values.has(name)) throw wrong(flag, "each member once", `${name} twice`);
    if (value === "") throw wrong(flag, `a value of ${name}`, "nothing");
    values.set(name, value);
  }
  const get = (name: string): string | undefined => values.get(name);
  const need = (name: string): string => {
    const value = get(name);
    if (value === undefined) throw wrong(flag, `${name}=…`, quote(text));
    return value;
  };
  return { flag, get, need };
}

function urlOf({ flag, need }: Values): string {
  const url = need("url");
  if (!/^https?:\/\/[^\s@#?]+$/.test(url) || !URL.canParse(url)) throw wrong(flag, "an http or https URL", quote(url));
  return url;
}

/** There is only one of these services; it may be named, as cosign asks for. */
function checkFirstVersion({ flag, get }: Values): void {
  const version = get("api-version") ?? "1";
  if (version !== "1") throw wrong(flag, "api-version=1", quote(version));
}

/** Only a log of version 2 is known by its origin, which is all that cosign's `trusted-root create` has for a version. */
function versionOf({ flag, get, need }: Values): 1 | 2 {
  const version = get("api-version") ?? (get("origin") === undefined ? need("api-version") : "2");
  if (version !== "1" && version !== "2") throw wrong(flag, "api-version=1 or 2", quote(version));
  return version === "1" ? 1 : 2;
}

/** A key says nothing of time, so somebody has to. */
function startOf(values: Values): number {
  values.need("start-time");
  return windowOf(values).startMs as number;
}

function windowOf({ flag, get }: Values): Partial<Window> {
  const [startMs, endMs] = [timeOf(flag, get("start-time")), timeOf(flag, get("end-time"))];
  return { ...(startMs !== undefined && { startMs }), ...(endMs !== undefined && { endMs }) };
}

function timeOf(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = parseTime(text);
  if (ms === undefined) throw wrong(flag, "a time such as 2026-01-01T00:00:00Z", quote(text));
  return ms;
}

function readChain(path: string, flag: string): readonly Certificate[] {
  const bytes = readSmallFile(path, "certificate chain");
  const blocks = parsePem(parseUtf8(bytes));
  const other = blocks.find(({ label }) => label !== "CERTIFICATE");
  if (other !== undefined) throw wrong(`${flag} ${quote(path)}`, "certificates only", quote(other.label));
  return blocks.map((block) => parseCertificate(block.bytes));
}

function wrong(checked: string, expected: string, got: string): TrustError {
  return cliError("CLI_OPTION_VALUE", { checked, expected, got });
}
