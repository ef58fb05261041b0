import { createHash, createPrivateKey, createPublicKey, sign, type KeyObject } from "node:crypto";
import { findingOf, formatCanonicalJson, pae, TrustError, type Finding, type JsonObject } from "@countersign/core";
import { parseLayoutKey } from "./key.ts";
import { legacyKeyId } from "./key-id.ts";
import { linksInMemory } from "./link-source.ts";
import { parseMetadata } from "./metadata.ts";
import { verifyLayout, type LayoutQuestion, type Verification } from "./verify.ts";

/** Somebody with an Ed25519 key, the same for the same name. */
export interface Person {
  readonly keyid: string;
  /** As layouts list it. */
  readonly json: JsonObject;
  readonly secret: KeyObject;
  /** Default: Ed25519. */
  readonly sign?: (message: Uint8Array) => Uint8Array;
  /** An OpenPGP signature in the place of a plain one; a Metablock's only. */
  readonly signOpenPgp?: (message: Uint8Array) => JsonObject;
  /** The id that layouts list, where `keyid` is a subkey of it. */
  readonly listedId?: string;
}

const seedPrefix = Buffer.from("302e020100300506032b657004220420", "hex");

export function person(name: string): Person {
  const seed = createHash("sha256").update(`test person ${name}`).digest();
  const secret = createPrivateKey({ key: Buffer.concat([seedPrefix, seed]), format: "der", type: "pkcs8" });
  const text = createPublicKey(secret).export({ format: "der", type: "spki" }).subarray(-32).toString("hex");
  const parts = { keytype: "ed25519", scheme: "ed25519", public: text };
  return withId({ keyid: "", json: {}, secret }, legacyKeyId(parts), text);
}

/** The same key under another id. */
export function renamed(who: Person, keyid: string): Person {
  const { public: text } = who.json["keyval"] as { readonly public: string };
  return withId(who, keyid, text);
}

function withId({ secret }: Person, keyid: string, text: string): Person {
  const json = {
    keyid,
    keytype: "ed25519",
    scheme: "ed25519",
    keyid_hash_algorithms: ["sha256", "sha512"],
    keyval: { public: text },
  };
  return { keyid, json, secret };
}

export const owner: Person = person("owner");

/** 64 hex digits for an artifact's content. */
export function hashOf(content: string): JsonObject {
  return { sha256: createHash("sha256").update(content).digest("hex") };
}

/** `{ "src/a": "content" }` as artifacts. */
export function artifacts(contents: Readonly<Record<string, string>>): JsonObject {
  return Object.fromEntries(Object.entries(contents).map(([path, content]) => [path, hashOf(content)]));
}

export function link(name: string, more: JsonObject = {}): JsonObject {
  return {
    _type: "link",
    name,
    command: [],
    materials: {},
    products: {},
    byproducts: { "return-value": 0 },
    environment: {},
    ...more,
  };
}

export function step(name: string, who: readonly Person[], more: JsonObject = {}): JsonObject {
  const pubkeys = who.map(({ keyid, listedId }) => listedId ?? keyid);
  return {
    _type: "step",
    name,
    pubkeys,
    threshold: 1,
    expected_command: [],
    expected_materials: [],
    expected_products: [],
    ...more,
  };
}

export function inspection(name: string, run: readonly string[], more: JsonObject = {}): JsonObject {
  return { _type: "inspection", name, run, expected_materials: [], expected_products: [], ...more };
}

export function layout(who: readonly Person[], steps: readonly JsonObject[], more: JsonObject = {}): JsonObject {
  const keys = Object.fromEntries(who.map(({ keyid, listedId, json }) => [listedId ?? keyid, json]));
  return { _type: "layout", expires: "2050-01-01T00:00:00Z", readme: "", keys, steps, inspect: [], ...more };
}

/** The text of signed metadata. */
export function signed(
  payload: JsonObject,
  who: readonly Person[],
  form: "metablock" | "dsse" = "metablock",
): Uint8Array {
  if (form === "metablock") {
    const message = formatCanonicalJson(payload);
    const signatures = who.map(
      (each) =>
        each.signOpenPgp?.(message) ?? { keyid: each.keyid, sig: Buffer.from(signBy(each, message)).toString("hex") },
    );
    return Buffer.from(JSON.stringify({ signatures, signed: payload }));
  }
  const body = Buffer.from(JSON.stringify(payload));
  const payloadType = "application/vnd.in-toto+json";
  const message = pae(payloadType, body);
  const signatures = who.map((each) => ({
    keyid: each.keyid,
    sig: Buffer.from(signBy(each, message)).toString("base64"),
  }));
  return Buffer.from(JSON.stringify({ payload: body.toString("base64"), payloadType, signatures }));
}

function signBy({ sign: own, secret }: Person, message: Uint8Array): Uint8Array {
  return own?.(message) ?? sign(null, message, secret);
}

/** The file name of a step's link, or without suffix of its sublayout's directory. */
export function fileOf(stepName: string, who: Person, suffix: ".link" | "" = ".link"): string {
  return `${stepName}.${who.keyid.slice(0, 8)}${suffix}`;
}

export const testTime: Date = new Date("2026-11-22T06:00:00Z");

export interface Asked extends Partial<Omit<LayoutQuestion, "layout" | "links" | "keys">> {
  /** The layout's file. */
  readonly layout: Uint8Array;
  readonly files?: Readonly<Record<string, Uint8Array>>;
  readonly owners?: readonly Person[];
}

/** The answer; a file that cannot be parsed is a refusal. */
export function ask({ layout: bytes, files = {}, owners = [owner], ...more }: Asked): Verification {
  const mode = more.mode ?? "strict";
  try {
    return verifyLayout({
      now: testTime,
      ...more,
      mode,
      layout: parseMetadata(bytes, mode),
      links: linksInMemory(new Map(Object.entries(files))),
      keys: owners.map(({ json }) => parseLayoutKey(json)),
    });
  } catch (error) {
    if (!(error instanceof TrustError) || error.kind === "usage") throw error;
    const findings: Finding[] = [findingOf(error)];
    const report = {
      place: [],
      digest: "",
      form: "metablock",
      signers: [],
      steps: [],
      inspections: [],
    } as unknown as Verification["layout"];
    return { verdict: "refused", mode, layout: report, findings };
  }
}

/** `allowed`, or the codes of what was refused. */
export function verdictOf(asked: Asked): string {
  const { verdict, findings } = ask(asked);
  return verdict === "allowed"
    ? verdict
    : findings
        .filter(({ level }) => level !== "warn")
        .map(({ code }) => code)
        .join(" ");
}
