import fc from "fast-check";
import type { JsonObject } from "@countersign/core";
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
import { mutateFile, mutatePayload, mutation, type Draft, type Mutation } from "./random-mutation.contract.ts";
import { paths, rules, stepNames } from "./random-rule.contract.ts";

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
  for (const each of spec.mutations as readonly Mutation[])
    if (each.when === "signed") mutatePayload(drafts, people, each);
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

type Spec = typeof chainSpec extends fc.Arbitrary<infer T> ? T : never;

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
