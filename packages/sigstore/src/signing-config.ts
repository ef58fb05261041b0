import {
  parseJson,
  quote,
  readObject,
  type Detail,
  type Finding,
  type Json,
  type ObjectReader,
  type TrustError,
} from "@countersign/core";
import { sigstoreError } from "./errors.ts";
import { passOverUnknown } from "./lenient.ts";
import { isWithin, readWindow, type Window } from "./window.ts";

/** The largest signing config that is read, in bytes. */
export const maxSigningConfigBytes: number = 1024 * 1024;
/** The most services of one kind in a signing config. */
export const maxServices: number = 256;
/** The longest URL of a service, in UTF-16 units. */
export const maxUrlChars: number = 2048;

/** One service that a signer may ask. */
export interface Service {
  /** Absolute http or https URL; for a timestamp authority the whole one, for the others the base. */
  readonly url: string;
  readonly majorApiVersion: number;
  /** Empty if the config names none. */
  readonly operator: string;
  readonly validFor: Window;
}

/** How many services of a kind to ask. */
export type Selector =
  | { readonly kind: "any" }
  | { readonly kind: "all" }
  | { readonly kind: "exact"; readonly count: number };

/** Which services a signer of this instance asks. */
export interface SigningConfig {
  readonly fulcio: readonly Service[];
  readonly oidc: readonly Service[];
  readonly rekor: readonly Service[];
  readonly rekorSelector: Selector;
  readonly tsa: readonly Service[];
  readonly tsaSelector: Selector;
  readonly warnings: readonly Finding[];
}

/** The services chosen for one signature. */
export interface Services {
  readonly fulcio?: Service;
  readonly oidc?: Service;
  readonly rekor: readonly Service[];
  readonly tsa: readonly Service[];
}

const mediaTypes: ReadonlyMap<string, "0.1" | "0.2"> = new Map([
  ["application/vnd.dev.sigstore.signingconfig.v0.1+json", "0.1"],
  ["application/vnd.dev.sigstore.signingconfig.v0.2+json", "0.2"],
]);

/**
 * Parses a signing config of version 0.1 or 0.2 (protobuf-specs sigstore_trustroot.proto). Unknown members are passed
 * over with a warning. Does not look at the time, and at no service: see `selectServices`.
 * Throws SIGSTORE_SIGNING_CONFIG_* and core's errors of JSON.
 */
export function parseSigningConfig(bytes: Uint8Array): SigningConfig {
  const json = parseJson(bytes, { maxBytes: maxSigningConfigBytes, maxDepth: 16 });
  const reader = readObject(json, "signing config", malformed);
  const mediaType = reader.string("mediaType");
  const version = mediaTypes.get(mediaType);
  if (version === undefined)
    throw sigstoreError("SIGSTORE_SIGNING_CONFIG_VERSION", { checked: "mediaType", got: quote(mediaType) });
  return version === "0.1" ? readFirst(json, reader) : readSecond(json, reader);
}

/**
 * The services to ask at `nowMs` (sigstore_trustroot.proto, `Service` and `ServiceConfiguration`): those valid now
 * (both ends count) of the highest API version supported here, newest start first, at most one an operator, as many
 * as the selector asks. A kind that the config does not list at all is left empty.
 * Throws SIGSTORE_SERVICE_NONE where all listed ones are out of time or of another version, SIGSTORE_SERVICE_TOO_FEW.
 */
export function selectServices(config: SigningConfig, nowMs: number): Services {
  const [fulcio] = select({ kind: "Fulcio", services: config.fulcio, selector: any, versions: [1] }, nowMs);
  const [oidc] = select({ kind: "OIDC", services: config.oidc, selector: any, versions: [1] }, nowMs);
  const rekor = select(
    { kind: "Rekor", services: config.rekor, selector: config.rekorSelector, versions: [2, 1] },
    nowMs,
  );
  const tsa = select({ kind: "timestamp", services: config.tsa, selector: config.tsaSelector, versions: [1] }, nowMs);
  return { ...(fulcio && { fulcio }), ...(oidc && { oidc }), rekor, tsa };
}

const any: Selector = { kind: "any" };

interface Choice {
  readonly kind: string;
  readonly services: readonly Service[];
  readonly selector: Selector;
  /** API versions supported here, the best first. */
  readonly versions: readonly number[];
}

function select({ kind, services, selector, versions }: Choice, nowMs: number): readonly Service[] {
  if (services.length === 0) return [];
  const current = services.filter((each) => isWithin(each.validFor, nowMs));
  const version = versions.find((each) => current.some((service) => service.majorApiVersion === each));
  if (version === undefined)
    throw sigstoreError("SIGSTORE_SERVICE_NONE", {
      checked: `${kind} services`,
      expected: `one that is valid now, of API version ${versions.join(" or ")}`,
      got: `${services.length} that are not`,
    });
  const usable = onePerOperator(current.filter((each) => each.majorApiVersion === version).toSorted(newestFirst));
  if (selector.kind === "any") return usable.slice(0, 1);
  if (selector.kind === "all") return usable;
  if (usable.length >= selector.count) return usable.slice(0, selector.count);
  throw sigstoreError("SIGSTORE_SERVICE_TOO_FEW", {
    checked: `${kind} services`,
    expected: `${selector.count}`,
    got: `${usable.length}`,
  });
}

function newestFirst(a: Service, b: Service): number {
  return b.validFor.startMs - a.validFor.startMs || 0;
}

/** Those without an operator's name are told apart by their URL. */
function onePerOperator(services: readonly Service[]): readonly Service[] {
  const seen = new Set<string>();
  return services.filter((each) => {
    const operator = each.operator === "" ? each.url : each.operator;
    const isNew = !seen.has(operator);
    seen.add(operator);
    return isNew;
  });
}

function malformed(detail: Detail): TrustError {
  return sigstoreError("SIGSTORE_SIGNING_CONFIG_MALFORMED", detail);
}

function unknownMembers(value: Json, known: readonly string[], at: string): Finding[] {
  return passOverUnknown(value, known, (got) => sigstoreError("SIGSTORE_SIGNING_CONFIG_MEMBER", { checked: at, got }));
}

/** Version 0.1 has bare URLs: of API version 1, valid always, all of one unnamed operator each. */
function readFirst(json: Json, reader: ObjectReader): SigningConfig {
  const one = (name: string): Service[] => {
    const url = reader.optionalString(name);
    return url === undefined || url === "" ? [] : [bareService(url, name)];
  };
  const many = (name: string): Service[] =>
    (reader.optionalArray(name, maxServices) ?? []).map((url) => {
      if (typeof url !== "string") throw malformed({ checked: name, expected: "URLs" });
      return bareService(url, name);
    });
  const lists = { fulcio: one("caUrl"), oidc: one("oidcUrl"), rekor: many("tlogUrls"), tsa: many("tsaUrls") };
  const warnings = unknownMembers(json, ["mediaType", "caUrl", "oidcUrl", "tlogUrls", "tsaUrls"], "signing config");
  return { ...lists, rekorSelector: any, tsaSelector: any, warnings };
}

/** The earliest time a JavaScript Date holds, in milliseconds. */
const earliestMs = -8_640_000_000_000_000;

function bareService(url: string, at: string): Service {
  return { url: checkUrl(url, at), majorApiVersion: 1, operator: "", validFor: { startMs: earliestMs } };
}

function readSecond(json: Json, reader: ObjectReader): SigningConfig {
  const warnings: Finding[] = [];
  const list = (name: string): Service[] =>
    (reader.optionalArray(name, maxServices) ?? []).map((each, index) =>
      readService(each, `${name}[${index}]`, warnings),
    );
  const lists = { fulcio: list("caUrls"), oidc: list("oidcUrls"), rekor: list("rekorTlogUrls"), tsa: list("tsaUrls") };
  const rekorSelector = readSelector(reader, "rekorTlogConfig", lists.rekor);
  const tsaSelector = readSelector(reader, "tsaConfig", lists.tsa);
  const known = ["mediaType", "caUrls", "oidcUrls", "rekorTlogUrls", "rekorTlogConfig", "tsaUrls", "tsaConfig"];
  warnings.push(...unknownMembers(json, known, "signing config"));
  return { ...lists, rekorSelector, tsaSelector, warnings };
}

function readService(value: Json, at: string, warnings: Finding[]): Service {
  const reader = readObject(value, at, malformed);
  const url = checkUrl(reader.string("url"), at);
  const version = reader.optionalInteger("majorApiVersion") ?? 0n;
  if (version < 0n || version > 0xffff_ffffn) throw malformed({ checked: `${at}.majorApiVersion`, got: `${version}` });
  const operator = reader.optionalString("operator") ?? "";
  const validFor = readWindow(reader.object("validFor"), `${at}.validFor`, malformed);
  warnings.push(...unknownMembers(value, ["url", "majorApiVersion", "validFor", "operator"], at));
  return { url, majorApiVersion: Number(version), operator, validFor };
}

/** Only http and https, no credentials, no fragment: a signer sends its token there. */
function checkUrl(text: string, at: string): string {
  const wrong = malformed({ checked: `${at} URL`, expected: "an http or https URL", got: quote(text) });
  if (text.length > maxUrlChars || !/^https?:\/\/[^\s@#]+$/.test(text) || !URL.canParse(text)) throw wrong;
  return text;
}

function readSelector(parent: ObjectReader, name: string, services: readonly Service[]): Selector {
  const reader = parent.optionalObject(name);
  if (reader === undefined && services.length === 0) return any;
  const selector = reader?.optionalString("selector");
  if (selector === "ANY") return any;
  if (selector === "ALL") return { kind: "all" };
  if (selector !== "EXACT")
    throw malformed({ checked: `${name}.selector`, expected: "ANY, ALL or EXACT", got: quote(selector ?? "nothing") });
  const count = reader?.optionalInteger("count") ?? 0n;
  if (count < 1n || count > BigInt(maxServices))
    throw malformed({ checked: `${name}.count`, expected: "a count from 1", got: `${count}` });
  return { kind: "exact", count: Number(count) };
}
