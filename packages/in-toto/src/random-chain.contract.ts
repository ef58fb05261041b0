import fc from "fast-check";
import type { Json, JsonObject } from "@countersign/core";
import { personKinds, personOf, type PersonKind } from "./person-kind.contract.ts";
import {
  fileOf,
  hashOf,
  inspection,
  layout,
  link,
  owner,
  person,
  renamed,
  signed,
  step,
  type Person,
} from "./chain.contract.ts";

/** A chain as files on disk, with what it was made from. */
export interface RandomChain {
  /** Path → text; `root.layout`, links, and the product below `product/`. */
  readonly files: Readonly<Record<string, string>>;
  readonly substitutions?: Readonly<Record<string, string>>;
}

const people: readonly Person[] = [
  person("ann"),
  person("bob"),
  person("carl"),
  renamed(person("ann"), "a".repeat(64)),
];
/** Whose signature only the reference takes: ours never looks into the sublayout behind it. */
function isTakenByReferenceOnly(kind: PersonKind): boolean {
  return kind === "rsa-pss-long-salt" || kind === "ecdsa-p384-as-p256";
}
/** Some functionaries have a key of some other kind. */
function personAt(index: number, kind: PersonKind, isOther: boolean): Person {
  return isOther ? personOf(kind) : (people[index] as Person);
}
const stepNames = ["write", "build", "pack"] as const;
const patterns = [
  "*",
  "src/*",
  "*.c",
  "src/a.c",
  "[!x]*",
  "s?c/*",
  "a[",
  "{x}",
  "",
  "SRC/*",
  "./src/*",
  "**",
  "[a-s]*",
  "[]s]*",
  "[^x]*",
  "\\*",
  "[!]*",
  "[z-a]*",
  "src/[ab].c",
  "*a*c*",
  "?",
  "??",
  "src/?",
  "src/e\u0301",
  "src/\u00e9",
  "src/\ud83d\ude00",
  "src/[\u00e9-\u00fc]",
  "[",
  "[!",
  "[]",
  "[[]*",
  "[a-]*",
  "[-s]*",
  "[--s]*",
  "[!a-c]*",
  "[a\\-z]*",
  "[\\]]*",
  "[s&&s]*",
  "[~~s||]*",
  "[s-a-z]*",
  "[s\n]*",
  "*\n*",
  "src//*",
  "/src/*",
  "../src/*",
  "src/*\n",
  " src/*",
  "src/**/*",
  "*/",
  "{x}*",
  "{}",
  "{0}",
  "{{x}}",
  "{x!r}",
  "{x:>9}",
  "{y}",
  "{",
];
const prefixes = ["", "src", "src/", "sr", "out", "/src", "src\\", ".", "src//"];
const targets = [...stepNames, "look", "nobody", ""];
const paths = [
  "src/a.c",
  "src/b.c",
  "out/a.o",
  "a",
  "src/ü",
  "out/src/a.c",
  "src/\u00e9",
  "src/e\u0301",
  "src/\ud83d\ude00",
  "s\nx",
  "",
  "./a",
];

const kept: fc.Arbitrary<readonly string[]> = fc.constantFrom(
  ["ALLOW", "*"],
  ["ALLOW", "src/*"],
  ["ALLOW", "out/*"],
  ["CREATE", "*"],
  ["MODIFY", "*"],
  ["DELETE", "*"],
  ["allow", "*"],
);
const matched = fc
  .record({
    pattern: fc.constantFrom(...patterns),
    source: fc.constantFrom(...prefixes),
    side: fc.constantFrom("MATERIALS", "PRODUCTS", "products"),
    to: fc.constantFrom(...prefixes),
    from: fc.constantFrom(...targets),
    shape: fc.nat(3),
  })
  .map(({ pattern, source, side, to, from, shape }) => [
    "MATCH",
    pattern,
    ...((shape & 1) === 1 ? ["IN", source] : []),
    "WITH",
    side,
    ...((shape & 2) === 2 ? ["IN", to] : []),
    "FROM",
    from,
  ]);
const simple = fc
  .tuple(
    fc.constantFrom("CREATE", "DELETE", "MODIFY", "ALLOW", "DISALLOW", "REQUIRE"),
    fc.constantFrom(...patterns, ...paths),
  )
  .map((words) => [...words]);
const rule = fc.oneof(
  { weight: 8, arbitrary: kept },
  { weight: 5, arbitrary: matched },
  { weight: 1, arbitrary: simple },
);
const rules = fc
  .tuple(
    fc.array(rule, { maxLength: 4 }),
    fc.constantFrom("open", "open", "open", "open", "allow", "allow", "allow", "allow", "disallow"),
  )
  .map(([list, end]) => [
    ...list,
    ...(end === "open"
      ? []
      : end === "allow"
        ? [
            ["ALLOW", "*"],
            ["DISALLOW", "*"],
          ]
        : [["DISALLOW", "*"]]),
  ]);

const stepSpec = fc.record({
  who: fc.uniqueArray(fc.nat(people.length - 1), { minLength: 1, maxLength: 3 }),
  kind: fc.constantFrom(...personKinds),
  isOther: fc.nat(3),
  threshold: fc.constantFrom(...Array.from({ length: 14 }, () => 1), 2, 2, 3, 0, true),
  materials: rules,
  products: rules,
  changes: fc.dictionary(fc.constantFrom(...paths), fc.constantFrom("1", "2", "gone"), { maxKeys: 3 }),
  isSublayout: fc.constantFrom(false, false, false, false, false, false, true),
  odd: fc.nat(40),
});

/** Replaces the n-th place, counted round, where the pattern fits. */
function replaceOne(text: string, pattern: RegExp, n: number, by: (found: string) => string): string {
  const found = [...text.matchAll(new RegExp(pattern, "g"))];
  const hit = found[n % Math.max(1, found.length)];
  if (hit === undefined) return text;
  return text.slice(0, hit.index) + by(hit[0]) + text.slice(hit.index + hit[0].length);
}
const sigs = /"(?:sig|signature|other_headers)":"[0-9a-f]+"/;
const keyids = /"keyid":"[0-9a-f]+"/;
const encoded = /"(?:sig|payload)":"[^"]+"/;
/** A DSSE envelope around other bytes, which nobody signed; a Metablock stays as it is. */
function changedPayload(text: string, write: (value: Json) => string): string {
  return text.replace(/"payload":"([^"]+)"/, (_, payload: string) => {
    const value = JSON.parse(Buffer.from(payload, "base64").toString("utf8")) as Json;
    return `"payload":"${Buffer.from(write(value)).toString("base64")}"`;
  });
}
const numbers = /(?<=[:[,])-?\d+(?=[,\]}])/;
const members = /"[a-z_-]+":/;
/** What may happen to the text of a file, by name. */
const textChanges: ReadonlyMap<string, (text: string, n: number) => string> = new Map<
  string,
  (text: string, n: number) => string
>([
  ["bom", (text) => `\ufeff${text}`],
  ["line ends", (text) => text.replaceAll(",", ",\r\n")],
  ["white space", (text) => ` \t\n${text}\n\n `],
  ["odd white space", (text) => `\u00a0${text}`],
  ["form feed", (text) => `\f${text}`],
  ["more behind", (text) => `${text}x`],
  ["two values", (text) => `${text}{}`],
  ["NUL behind", (text) => `${text}\0`],
  ["nothing", () => ""],
  ["null", () => "null"],
  ["array", (text) => `[${text}]`],
  ["text", (text) => JSON.stringify(text)],
  ["cut", (text, n) => text.slice(0, n % Math.max(1, text.length))],
  ["comma", (text) => text.replace(/\}$/, ",}")],
  ["NaN", (text, n) => replaceOne(text, numbers, n, () => "NaN")],
  ["Infinity", (text, n) => replaceOne(text, numbers, n, () => "-Infinity")],
  ["huge", (text, n) => replaceOne(text, numbers, n, () => "1e400")],
  ["point zero", (text, n) => replaceOne(text, numbers, n, (found) => `${found}.0`)],
  ["exponent", (text, n) => replaceOne(text, numbers, n, (found) => `${found}e0`)],
  ["minus zero", (text, n) => replaceOne(text, numbers, n, () => "-0")],
  ["leading zero", (text, n) => replaceOne(text, numbers, n, (found) => `0${found}`)],
  ["plus", (text, n) => replaceOne(text, numbers, n, (found) => `+${found}`)],
  ["big integer", (text, n) => replaceOne(text, numbers, n, () => "123456789012345678901234567890")],
  ["quoted number", (text, n) => replaceOne(text, numbers, n, (found) => `"${found}"`)],
  [
    "capital signature",
    (text, n) =>
      replaceOne(text, sigs, n, (found) => found.toUpperCase().replace(/^"[A-Z_]+"/, (key) => key.toLowerCase())),
  ],
  ["odd signature", (text, n) => replaceOne(text, sigs, n, (found) => `${found.slice(0, -2)}"`)],
  ["short signature", (text, n) => replaceOne(text, sigs, n, (found) => `${found.slice(0, -3)}"`)],
  ["long signature", (text, n) => replaceOne(text, sigs, n, (found) => `${found.slice(0, -1)}00"`)],
  ["zeros before signature", (text, n) => replaceOne(text, sigs, n, (found) => found.replace('":"', '":"00'))],
  ["line end in signature", (text, n) => replaceOne(text, sigs, n, (found) => `${found.slice(0, -1)}\\n"`)],
  ["space in signature", (text, n) => replaceOne(text, sigs, n, (found) => `${found.slice(0, -1)} "`)],
  ["empty signature", (text, n) => replaceOne(text, sigs, n, (found) => found.replace(/:"[^]*$/, ':""'))],
  ["null signature", (text, n) => replaceOne(text, sigs, n, (found) => found.replace(/:"[^]*$/, ":null"))],
  ["0x signature", (text, n) => replaceOne(text, sigs, n, (found) => found.replace('":"', '":"0x'))],
  ["capital key id", (text, n) => replaceOne(text, keyids, n, (found) => `"keyid":"${found.slice(9).toUpperCase()}`)],
  ["short key id", (text, n) => replaceOne(text, keyids, n, (found) => `${found.slice(0, -2)}"`)],
  ["line end in key id", (text, n) => replaceOne(text, keyids, n, (found) => `${found.slice(0, -1)}\\n"`)],
  ["no key id", (text, n) => replaceOne(text, /"keyid":"[0-9a-f]+",?/, n, () => "")],
  ["member twice", (text, n) => replaceOne(text, members, n, (found) => `${found}1,${found}`)],
  ["member twice, null", (text, n) => replaceOne(text, members, n, (found) => `${found}null,${found}`)],
  ["member renamed", (text, n) => replaceOne(text, members, n, (found) => `"_${found.slice(1)}`)],
  ["member self", (text, n) => replaceOne(text, members, n, (found) => `"self":1,${found}`)],
  ["member cls", (text, n) => replaceOne(text, members, n, (found) => `"cls":1,"type_":2,${found}`)],
  ["member NaN", (text, n) => replaceOne(text, members, n, (found) => `"a":[NaN,-Infinity],${found}`)],
  ["member with a point", (text, n) => replaceOne(text, members, n, (found) => `"a.b":1.5,${found}`)],
  ["member __proto__", (text, n) => replaceOne(text, members, n, (found) => `"__proto__":{"a":1},${found}`)],
  ["short_keyid", (text, n) => replaceOne(text, keyids, n, (found) => `"short_keyid":"ab",${found}`)],
  ["odd short_keyid", (text, n) => replaceOne(text, keyids, n, (found) => `"short_keyid":"xy",${found}`)],
  ["info", (text, n) => replaceOne(text, keyids, n, (found) => `"info":{"a":[1.5]},${found}`)],
  [
    "both kinds of signature",
    (text, n) => replaceOne(text, keyids, n, (found) => `"other_headers":"0400","signature":"00",${found}`),
  ],
  ["half of the other kind", (text, n) => replaceOne(text, keyids, n, (found) => `"other_headers":"0400",${found}`)],
  [
    "odd other kind",
    (text, n) => replaceOne(text, keyids, n, (found) => `"other_headers":"xy","signature":"00",${found}`),
  ],
  ["certificate", (text, n) => replaceOne(text, keyids, n, (found) => `"cert":"x","certificate":1,${found}`)],
  ["escapes", (text, n) => replaceOne(text, /"[a-z]/, n, (found) => `"\\u00${found.charCodeAt(1).toString(16)}`)],
  ["lone surrogate", (text, n) => replaceOne(text, /":"/, n, (found) => `${found}\\ud800`)],
  ["control character", (text, n) => replaceOne(text, /":"/, n, (found) => `${found}\u0001`)],
  ["tab", (text, n) => replaceOne(text, /":"/, n, (found) => `${found}\t`)],
  [
    "deep",
    (text, n) => replaceOne(text, members, n, (found) => `"deep":${"[".repeat(300)}${"]".repeat(300)},${found}`),
  ],
  ["private", (text, n) => replaceOne(text, /"public":/, n, (found) => `"private":"",${found}`)],
  ["private text", (text, n) => replaceOne(text, /"public":/, n, (found) => `"private":"x",${found}`)],
  ["expires in a key", (text, n) => replaceOne(text, /"keytype":/, n, (found) => `"expires":"x",${found}`)],
  ["subkeys", (text, n) => replaceOne(text, /"keytype":/, n, (found) => `"subkeys":{"ab":{}},${found}`)],
  ["signatures dropped", (text) => text.replace(/"signatures":\[[^\]]*\]/, '"signatures":[]')],
  ["signatures null", (text) => text.replace(/"signatures":\[[^\]]*\]/, '"signatures":null')],
  ["signatures an object", (text) => text.replace(/"signatures":\[[^\]]*\]/, '"signatures":{}')],
  ["signatures left out", (text) => text.replace(/"signatures":\[[^\]]*\],?/, "")],
  ["signature of null", (text) => text.replace('"signatures":[', '"signatures":[null,')],
  ["signature twice", (text) => text.replace(/"signatures":\[(\{[^\]]*\})\]/, '"signatures":[$1,$1]')],
  ["payload beside", (text) => text.replace(/^\{/, '{"payload":"e30=",')],
  ["payloadType beside", (text) => text.replace(/^\{/, '{"payloadType":"x",')],
  [
    "base64 for URLs",
    (text) =>
      text.replace(/"(?:sig|payload)":"[^"]+"/g, (found) => found.replaceAll("+", "-").replace(/(?<=:".*)\//g, "_")),
  ],
  ["base64 without padding", (text, n) => replaceOne(text, encoded, n, (found) => found.replace(/=+"$/, '"'))],
  [
    "base64 with a line end",
    (text, n) => replaceOne(text, encoded, n, (found) => `${found.slice(0, 20)}\\n${found.slice(20)}`),
  ],
  ["base64 with a space", (text, n) => replaceOne(text, encoded, n, (found) => `${found.slice(0, -1)} "`)],
  ["base64 with more", (text, n) => replaceOne(text, encoded, n, (found) => `${found.slice(0, -1)}A"`)],
  ["base64 of nothing", (text, n) => replaceOne(text, encoded, n, (found) => found.replace(/:".*$/, ':""'))],
  ["base64 of another", (text, n) => replaceOne(text, encoded, n, (found) => found.replace(/.(?=[^"]"$)/, "A"))],
  [
    "hex for base64",
    (text, n) =>
      replaceOne(
        text,
        /"sig":"[^"]+"/,
        n,
        (found) => `"sig":"${Buffer.from(found.slice(7, -1), "base64").toString("hex")}"`,
      ),
  ],
  ["no payloadType", (text) => text.replace(/"payloadType":"[^"]*",/, "")],
  ["other payloadType", (text) => text.replace(/"payloadType":"[^"]*"/, '"payloadType":"text/plain"')],
  ["payloadType null", (text) => text.replace(/"payloadType":"[^"]*"/, '"payloadType":null')],
  ["signed beside", (text) => text.replace(/^\{/, '{"signed":{"_type":"link"},')],
  ["key id null", (text, n) => replaceOne(text, keyids, n, () => '"keyid":null')],
  ["key id a number", (text, n) => replaceOne(text, keyids, n, () => '"keyid":1')],
  ["payload laid out", (text) => changedPayload(text, (value) => JSON.stringify(value, null, 1))],
  ["payload with floats", (text) => changedPayload(text, (value) => JSON.stringify(value).replace(/\}$/, ',"x":1.5}'))],
  ["other members", (text) => text.replace(/^\{/, '{"a":{"b":[1.5,null]},"":0,')],
]);

const mutation = fc.record({
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

const chainSpec = fc.record({
  steps: fc.array(stepSpec, { minLength: 1, maxLength: 3 }),
  mutations: fc.oneof(
    { weight: 5, arbitrary: fc.constant([]) },
    { weight: 2, arbitrary: fc.array(mutation, { minLength: 1, maxLength: 1 }) },
  ),
  inspections: fc.constantFrom<readonly (readonly string[])[]>(
    ...Array.from({ length: 24 }, () => []),
    [["sh", "-c", "exit 3"]],
    [["sh", "-c", "echo x >out; rm a"], ["true"]],
    [["touch", "b.pyc", "b~", "look.link", "c"]],
    [["no-such-program"]],
    [[]],
    [[""]],
    [["true", ""]],
    [["sh", "-c", "kill $$"]],
    [["sh", "-c", "mkdir -p d && echo y >d/e && ln -s e d/f && ln -s nowhere d/g"]],
    [["/bin/true"]],
    [["true", "{x}"]],
    [["true"], ["true"]],
    [],
    [],
    [],
    [],
    [],
    [],
    [],
    [],
    [],
    [["true"]],
    [["true"]],
    [["false"]],
    [["cp", "a", "b"]],
  ),
  lookRules: rules,
  isExpired: fc.nat(300),
  hasInnerInspection: fc.constantFrom<readonly string[] | undefined>(
    undefined,
    undefined,
    ["true"],
    ["false"],
    ["touch", "inner"],
  ),
  substitutions: fc.constantFrom<Readonly<Record<string, string>> | undefined>(
    ...Array.from({ length: 12 }, () => undefined),
    { x: "src/*" },
    { x: "*" },
    { x: "", y: "DISALLOW" },
    { "x-y": "a", "0": "b", x: "{y}" },
    {},
  ),
});

/** What in-toto 2.2.0 gives up at in envelopes, mostly left out. */
const unknownInEnvelopes = /^(?:pgp-|ecdsa-p521$|rsa-sha1$)/;

/**
 * Random chains; most of a mutation's work is done before signing, so that the signature is good and the form is judged. `plain`:
 * only Ed25519 keys, and texts that some JSON writer could have written.
 */
export function randomChain(
  form: "metablock" | "dsse" = "metablock",
  breadth: "plain" | "all" = "all",
): fc.Arbitrary<RandomChain> {
  return chainSpec.map((spec) => chainOf(breadth === "all" ? specFor(form, spec) : plainSpec(spec), form));
}

function specFor(form: "metablock" | "dsse", spec: Spec): Spec {
  if (form === "metablock") return spec;
  const isLeftOut = ({ kind, odd }: Spec["steps"][number]): boolean => unknownInEnvelopes.test(kind) && odd > 4;
  return { ...spec, steps: spec.steps.map((step) => (isLeftOut(step) ? { ...step, isOther: 1 } : step)) };
}

function plainSpec(spec: Spec): Spec {
  const steps = spec.steps.map((step) => ({ ...step, isOther: 1 }));
  const mutations = (spec.mutations as readonly Mutation[]).filter(({ kind }) => kind !== "text");
  return { ...spec, steps, mutations };
}

function chainOf(spec: Spec, form: "metablock" | "dsse"): RandomChain {
  const drafts = draftsOf(spec);
  for (const each of spec.mutations as readonly Mutation[]) if (each.when === "signed") mutatePayload(drafts, each);
  const files = new Map(
    drafts.map(({ path, payload, who }) => [path, Buffer.from(signed(payload, who, form)).toString()]),
  );
  for (const each of spec.mutations as readonly Mutation[]) if (each.when === "unsigned") mutateFile(files, each);
  for (const [path, content] of [
    ["a", "1"],
    ["src/a.c", "0"],
    [".git/x", ""],
    ["y.pyc", ""],
  ])
    files.set(`product/${path}`, content ?? "");
  return {
    files: Object.fromEntries(files),
    ...(spec.substitutions === undefined ? {} : { substitutions: spec.substitutions }),
  };
}

interface Draft {
  readonly path: string;
  payload: JsonObject;
  who: readonly Person[];
}

type Spec = typeof chainSpec extends fc.Arbitrary<infer T> ? T : never;
type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;

function draftsOf({ steps, inspections, lookRules, isExpired, hasInnerInspection }: Spec): Draft[] {
  let state: Readonly<Record<string, string>> = { "src/a.c": "0", "src/b.c": "0" };
  const drafts: Draft[] = [];
  const known = [...people];
  const listed = steps.map((spec, at) => {
    const name = stepNames[at] as string;
    const before = state;
    const after = Object.fromEntries(
      Object.entries({ ...state, ...spec.changes }).filter(([, content]) => content !== "gone"),
    );
    state = after;
    const who = spec.who.map((index, place) =>
      personAt(
        index,
        spec.kind,
        place === 0 && spec.isOther === 0 && !(spec.isSublayout && isTakenByReferenceOnly(spec.kind)),
      ),
    );
    for (const each of who) {
      if (!known.includes(each)) known.push(each);
      drafts.push(...draftFor(name, each, { spec, before, after, hasInnerInspection }));
    }
    return step(name, who, {
      threshold: spec.threshold,
      expected_materials: spec.materials,
      expected_products: spec.products,
    });
  });
  const inspect = inspections.map((run, at) =>
    inspection(at === 0 ? "look" : `look${at}`, run, {
      expected_materials: lookRules,
      ...(at === 0 ? {} : { expected_products: lookRules }),
    }),
  );
  const expires = isExpired === 0 ? "2020-01-01T00:00:00Z" : "2050-01-01T00:00:00Z";
  return [{ path: "root.layout", payload: layout(known, listed, { inspect, expires }), who: [owner] }, ...drafts];
}

interface Around {
  readonly spec: Spec["steps"][number];
  readonly before: Readonly<Record<string, string>>;
  readonly after: Readonly<Record<string, string>>;
  readonly hasInnerInspection: readonly string[] | undefined;
}

function draftFor(name: string, who: Person, { spec, before, after, hasInnerInspection }: Around): Draft[] {
  const hashes = (contents: Readonly<Record<string, string>>): JsonObject =>
    Object.fromEntries(Object.entries(contents).map(([path, content]) => [path, hashOf(content)]));
  const { odd } = spec;
  const products = odd === 0 ? hashes({ ...after, extra: "x" }) : hashes(after);
  const made = link(odd === 1 ? "other" : name, {
    materials: hashes(before),
    products,
    ...(odd === 2 ? { byproducts: { "return-value": 1 } } : {}),
    ...(odd === 3 ? { command: ["make"] } : {}),
    ...(odd === 4 ? { products: { ...products, "../x": hashOf("") } } : {}),
  });
  const path = fileOf(name, who);
  if (!spec.isSublayout) return [{ path, payload: made, who: [who] }];
  const inner = person("dora");
  return [
    {
      path,
      payload: layout([inner], [step("inner", [inner], { expected_products: [["REQUIRE", "src/a.c"]] })], {
        inspect: hasInnerInspection === undefined ? [] : [inspection("within", hasInnerInspection)],
      }),
      who: [who],
    },
    { path: `${fileOf(name, who, "")}/${fileOf("inner", inner)}`, payload: { ...made, name: "inner" }, who: [inner] },
  ];
}

/** Changes one node somewhere in what will be signed. */
function mutatePayload(drafts: Draft[], each: Mutation): void {
  const draft = drafts[each.file % drafts.length] as Draft;
  if (each.kind === "swap-file") draft.payload = (drafts[each.node % drafts.length] as Draft).payload;
  else if (each.kind === "sign-again") draft.who = [people[each.node % people.length] as Person];
  else if (each.kind === "more-signatures") draft.who = [person("eve"), ...draft.who];
  else draft.payload = changed(draft.payload, each) as JsonObject;
}

/** Changes one node of a file after it was signed. */
function mutateFile(files: Map<string, string>, each: Mutation): void {
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
