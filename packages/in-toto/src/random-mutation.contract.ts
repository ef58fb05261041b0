import fc from "fast-check";
import type { Json, JsonObject } from "@countersign/core";
import { owner, person, type Person } from "./chain.contract.ts";
import { textChanges } from "./random-text.contract.ts";

/** What will be signed, by whom, and in which file. */
export interface Draft {
  readonly path: string;
  payload: JsonObject;
  who: readonly Person[];
}

/** Changes to a chain. */
export const mutation = fc.record({
  /** Before signing, or behind the signer's back. */
  when: fc.constantFrom("signed", "signed", "unsigned"),
  file: fc.nat(),
  node: fc.nat(),
  kind: fc.constantFrom(
    "set",
    "set",
    "delete",
    "add",
    "twice",
    "upper",
    "drop-file",
    "swap-file",
    "flip",
    "sign-again",
    "more-signatures",
    "text",
    "text",
    "text",
  ),
  text: fc.constantFrom(...textChanges.keys()),
  value: fc.constantFrom<Json>(
    null,
    true,
    false,
    0,
    1,
    -1,
    2,
    "",
    "x",
    "0",
    [],
    {},
    ["ALLOW", "*"],
    [""],
    { a: 1 },
    "2020-01-01T00:00:00Z",
    "2050-02-30T00:00:00Z",
    "a".repeat(64),
    9_007_199_254_740_991,
    ["MATCH", "*", "WITH", "PRODUCTS", "FROM"],
    ["allow", "*", "*"],
    [["ALLOW", "*"]],
    "2050-01-01T00:00:00+00:00",
    "2050-01-01T00:00:00.000Z",
    "2050-01-01t00:00:00z",
    "2050-01-01 00:00:00Z",
    "2050-02-29T00:00:00Z",
    "2050-12-31T23:59:60Z",
    "2050-01-01T24:00:00Z",
    "0000-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "2050-01-01T00:00:00Z\n",
    "20500101T000000Z",
    "2050-1-1T0:0:0Z",
    "\u0662\u0660\u0665\u0660-01-01T00:00:00Z",
    "never",
    "sha256",
    "rsa",
    "ed25519",
    "ecdsa",
    "rsassa-pss-sha256",
    "step",
    "inspection",
    "A".repeat(64),
    { sha256: "a".repeat(64) },
    { sha256: "A".repeat(64) },
    { md5: "a".repeat(32) },
    { sha256: "xyz" },
    { sha256: "abc" },
    { sha256: 1 },
    { SHA256: "a".repeat(64) },
    "link",
    "layout",
    "abc\n",
  ),
});

/** One change to a chain. */
export type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;

/** Changes one node somewhere in what will be signed, or who of `people` signs it. */
export function mutatePayload(drafts: Draft[], people: readonly Person[], each: Mutation): void {
  const draft = drafts[each.file % drafts.length] as Draft;
  if (each.kind === "swap-file") draft.payload = (drafts[each.node % drafts.length] as Draft).payload;
  else if (each.kind === "sign-again") draft.who = [people[each.node % people.length] as Person];
  else if (each.kind === "more-signatures") draft.who = [person("eve"), ...draft.who];
  else draft.payload = changed(draft.payload, each) as JsonObject;
}

/** Changes one node of a file after it was signed. */
export function mutateFile(files: Map<string, string>, each: Mutation): void {
  const names = [...files.keys()];
  const name = names[each.file % names.length] as string;
  const text = files.get(name) ?? "";
  if (each.kind === "drop-file" && name !== "root.layout") files.delete(name);
  else if (each.kind === "swap-file") files.set(name, files.get(names[each.node % names.length] as string) ?? "");
  else if (each.kind === "text") files.set(name, textChanges.get(each.text)?.(text, each.node) ?? text);
  else if (each.kind === "twice")
    files.set(name, text.replace('"signed":{', `"signed":{"_type":${JSON.stringify(each.value)},`));
  else if (each.kind === "flip")
    files.set(
      name,
      text.replace(/"sig":"(.)/, (_, digit: string) => `"sig":"${digit === "0" ? "1" : "0"}`),
    );
  else if (each.kind === "more-signatures")
    files.set(
      name,
      text.replace('"signatures":[', `"signatures":[{"keyid":"${owner.keyid}","sig":"${"0".repeat(128)}"},`),
    );
  else files.set(name, JSON.stringify(changed(JSON.parse(text) as Json, each)));
}

/** A copy of `value` with one of its nodes changed. */
function changed(value: Json, { node, kind, value: other }: Mutation): Json {
  const copy = JSON.parse(JSON.stringify(value)) as Json;
  const places: (readonly [Record<string, Json>, string])[] = [];
  const walk = (inner: Json): void => {
    if (typeof inner !== "object" || inner === null) return;
    for (const key of Object.keys(inner)) {
      places.push([inner as Record<string, Json>, key]);
      walk((inner as Record<string, Json>)[key] as Json);
    }
  };
  walk(copy);
  const [holder, key] = places[node % places.length] ?? [];
  if (holder === undefined || key === undefined) return copy;
  if (kind === "delete" && !Array.isArray(holder)) delete holder[key];
  else if (kind === "delete") (holder as unknown as Json[]).splice(Number(key), 1);
  else if (kind === "add" && !Array.isArray(holder)) holder["extra"] = other;
  else if (kind === "upper" && typeof holder[key] === "string") holder[key] = holder[key].toUpperCase();
  else holder[key] = other;
  return copy;
}
