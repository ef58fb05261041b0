import type { Json, JsonObject } from "@countersign/core";
import { inTotoError } from "./errors.ts";

/** A test of one JSON value. */
type Test = (value: Json | undefined) => boolean;

const isText: Test = (value) => typeof value === "string";
const isHex: Test = (value) => typeof value === "string" && /^[a-fA-F0-9]+\n?$/.test(value);
const isEmptyText: Test = (value) => value === "";
const isNumberFromZero: Test = (value) => typeof value === "number" && Number.isInteger(value) && value >= 0;
const isTime: Test = (value) => typeof value === "string" && /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z\n?$/.test(value);
const hashNames: ReadonlySet<Json | undefined> = new Set([
  "md5",
  "sha1",
  "sha224",
  "sha256",
  "sha384",
  "sha512",
  "blake2s",
  "blake2b",
  "blake2b-256",
]);

function maybe(test: Test): Test {
  return (value) => value === undefined || test(value);
}

function listOf(test: Test): Test {
  return (value) => Array.isArray(value) && (value as readonly Json[]).every(test);
}

function shapeOf(members: Readonly<Record<string, Test>>): Test {
  return (value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
    const given = value as JsonObject;
    return Object.entries(members).every(([name, test]) => test(Object.hasOwn(given, name) ? given[name] : undefined));
  };
}

const isPlainKey = shapeOf({
  keytype: isText,
  keyid_hash_algorithms: maybe(listOf((name) => hashNames.has(name))),
  keyval: shapeOf({ public: isText, private: maybe(isEmptyText) }),
  expires: maybe(isTime),
});

function openPgpShape(type: string, method: string, numbers: Readonly<Record<string, Test>>): Test {
  const members = {
    type: (value: Json | undefined): boolean => value === type,
    method: (value: Json | undefined): boolean => value === method,
    hashes: listOf((name) => name === "pgp+SHA2"),
    creation_time: maybe(isNumberFromZero),
    validity_period: maybe(isNumberFromZero),
    keyid: isHex,
    keyval: shapeOf({ public: shapeOf(numbers), private: isEmptyText }),
  };
  const isKey = shapeOf(members);
  const areSubkeys: Test = (value) =>
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    Object.entries(value as JsonObject).every(([id, key]) => isHex(id) && isKey(key as Json));
  return shapeOf({ ...members, subkeys: maybe(areSubkeys) });
}

const forms: readonly Test[] = [
  isPlainKey,
  openPgpShape("rsa", "pgp+rsa-pkcsv1.5", { e: isText, n: isHex }),
  openPgpShape("dsa", "pgp+dsa-fips-180-2", { y: isHex, p: isHex, q: isHex, g: isHex }),
  openPgpShape("eddsa", "pgp+eddsa-ed25519", { q: isHex }),
];

const keytypes = /^(?:rsa|ed25519|ecdsa|ecdsa-sha2-nistp(?:256|384)\n?|sphincs)$/;

const isPlainInUse = shapeOf({
  keytype: (value) => typeof value === "string" && keytypes.test(value),
  scheme: isText,
  keyid: isHex,
  keyid_hash_algorithms: maybe(listOf((name) => hashNames.has(name))),
  keyval: shapeOf({ public: isText, private: maybe(isText) }),
  expires: maybe(isTime),
});

/** Whether the key has the form that the reference asks for when it is to check a signature; if not, it gives up altogether. */
export function isUsedForm(value: Json): boolean {
  return isPlainInUse(value) || forms.slice(1).some((test) => test(value));
}

/** The key types with their schemes that securesystemslib 0.31 verifies in envelopes. */
const newerSchemes: ReadonlySet<string> = new Set([
  "ecdsa ecdsa-sha2-nistp256",
  "ecdsa ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp256 ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384 ecdsa-sha2-nistp384",
  "ed25519 ed25519",
  ...["rsassa-pss", "rsa-pkcs1v15"].flatMap((name) =>
    ["sha224", "sha256", "sha384", "sha512"].map((hash) => `rsa ${name}-${hash}`),
  ),
]);

/** Whether in-toto 2.2.0 can check signatures of envelopes by such a key; if not, it gives up altogether. */
export function isNewerUsedForm(value: Json): boolean {
  if (!isObjectOf(value)) return false;
  const { keytype, scheme } = value;
  return typeof keytype === "string" && typeof scheme === "string" && newerSchemes.has(`${keytype} ${scheme}`);
}

/**
 * The same for a key that a layout in an envelope lists, as in-toto 2.2.0 reads it: what looks like an OpenPGP key is taken, and else
 * the kind must be known. For compat. Throws INTOTO_KEY_MALFORMED.
 */
export function checkNewerKeyForm(value: Json): void {
  const isOpenPgp =
    isObjectOf(value) && ["keyid", "type", "method", "hashes", "keyval"].every((name) => Object.hasOwn(value, name));
  const isPlain =
    isObjectOf(value) && isText(value["keyid"]) && isNewerUsedForm(value) && isPlainValue(value["keyval"] as Json);
  if (!isOpenPgp && !isPlain) throw inTotoError("INTOTO_KEY_MALFORMED", { checked: "form of a listed key" });
}

function isPlainValue(keyval: Json | undefined): boolean {
  return keyval !== undefined && isObjectOf(keyval) && isText(keyval["public"]);
}

function isObjectOf(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Checks a listed key only as far as the reference does when it loads a layout: the form, not whether it can be used.
 * For compat. Throws INTOTO_KEY_MALFORMED.
 */
export function checkKeyForm(value: Json): void {
  if (!forms.some((test) => test(value)))
    throw inTotoError("INTOTO_KEY_MALFORMED", { checked: "form of a listed key" });
}
