import fc from "fast-check";
import type { Json, JsonObject } from "@countersign/core";
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
];
const prefixes = ["", "src", "src/", "sr", "out", "/src", "src\\", ".", "src//"];
const targets = [...stepNames, "look", "nobody", ""];
const paths = ["src/a.c", "src/b.c", "out/a.o", "a", "src/ü", "out/src/a.c"];

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
  threshold: fc.constantFrom(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 0, true),
  materials: rules,
  products: rules,
  changes: fc.dictionary(fc.constantFrom(...paths), fc.constantFrom("1", "2", "gone"), { maxKeys: 3 }),
  isSublayout: fc.constantFrom(false, false, false, false, false, false, true),
  odd: fc.nat(40),
});

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
  ),
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
    "link",
    "layout",
    "abc\n",
  ),
});

const chainSpec = fc.record({
  steps: fc.array(stepSpec, { minLength: 1, maxLength: 3 }),
  mutations: fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    { weight: 2, arbitrary: fc.array(mutation, { minLength: 1, maxLength: 1 }) },
  ),
  inspections: fc.constantFrom<readonly (readonly string[])[]>(
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
  isExpired: fc.nat(60),
  substitutions: fc.constantFrom<Readonly<Record<string, string>> | undefined>(
    ...Array.from({ length: 12 }, () => undefined),
    { x: "src/*" },
    {},
  ),
});

/** Random chains; most of a mutation's work is done before signing, so that the signature is good and the form is judged. */
export const randomChain: fc.Arbitrary<RandomChain> = chainSpec.map((spec) => {
  const drafts = draftsOf(spec);
  for (const each of spec.mutations) if (each.when === "signed") mutatePayload(drafts, each);
  const files = new Map(drafts.map(({ path, payload, who }) => [path, Buffer.from(signed(payload, who)).toString()]));
  for (const each of spec.mutations) if (each.when === "unsigned") mutateFile(files, each);
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
});

interface Draft {
  readonly path: string;
  payload: JsonObject;
  who: readonly Person[];
}

type Spec = typeof chainSpec extends fc.Arbitrary<infer T> ? T : never;
type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;

function draftsOf({ steps, inspections, lookRules, isExpired }: Spec): Draft[] {
  let state: Readonly<Record<string, string>> = { "src/a.c": "0", "src/b.c": "0" };
  const drafts: Draft[] = [];
  const listed = steps.map((spec, at) => {
    const name = stepNames[at] as string;
    const before = state;
    const after = Object.fromEntries(
      Object.entries({ ...state, ...spec.changes }).filter(([, content]) => content !== "gone"),
    );
    state = after;
    const who = spec.who.map((index) => people[index] as Person);
    for (const each of who) drafts.push(...draftFor(name, each, { spec, before, after }));
    return step(name, who, {
      threshold: spec.threshold,
      expected_materials: spec.materials,
      expected_products: spec.products,
    });
  });
  const inspect = inspections.map((run) => inspection("look", run, { expected_materials: lookRules }));
  const expires = isExpired === 0 ? "2020-01-01T00:00:00Z" : "2050-01-01T00:00:00Z";
  return [{ path: "root.layout", payload: layout(people, listed, { inspect, expires }), who: [owner] }, ...drafts];
}

interface Around {
  readonly spec: Spec["steps"][number];
  readonly before: Readonly<Record<string, string>>;
  readonly after: Readonly<Record<string, string>>;
}

function draftFor(name: string, who: Person, { spec, before, after }: Around): Draft[] {
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
      payload: layout([inner], [step("inner", [inner], { expected_products: [["REQUIRE", "src/a.c"]] })]),
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
