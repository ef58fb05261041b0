import type { Loose, LooseObject } from "./json.ts";

/** One changed copy of a JSON document. */
export interface Mutant {
  /** Where it was changed, dotted; empty at the root. */
  readonly path: string;
  /** Which of `mutationNames`. */
  readonly mutation: string;
  readonly json: Loose;
}

/** What is done to every node. */
export const mutationNames = [
  "drop",
  "null",
  "retype",
  "empty",
  "repeat",
  "truncate",
  "flip",
  "swap",
  "extend",
  "huge",
] as const;
type MutationName = (typeof mutationNames)[number];

/** A value that is written where the node stood, or the wish that nothing stands there. */
type Replacement = { readonly value: Loose } | "gone";

/** Every node of a document, each with its path: objects, arrays and leaves, the root first. A dot in a name is written `\\.`. */
export function* nodesOf(root: Loose, path = ""): Generator<{ readonly path: string; readonly value: Loose }> {
  yield { path, value: root };
  if (typeof root !== "object" || root === null) return;
  for (const [name, inner] of Object.entries(root)) {
    const escaped = name.replaceAll(".", String.raw`\.`);
    yield* nodesOf(inner, path === "" ? escaped : `${path}.${escaped}`);
  }
}

/** Every node of a document × every mutation, deterministic, each in a copy. A mutation that would change nothing is left out. */
export function* mutantsOf(root: Loose): Generator<Mutant> {
  for (const { path, value } of nodesOf(root)) {
    for (const mutation of mutationNames) {
      const replacement = mutate(mutation, value, { root, path });
      if (replacement === "gone" && path === "") continue;
      const json = replacement === "gone" ? without(root, path) : replacing(root, path, replacement.value);
      if (JSON.stringify(json) !== JSON.stringify(root)) yield { path, mutation, json };
    }
  }
}

/** The text of a document with every member of every object written twice, one text for each member. */
export function* duplicatesOf(root: Loose): Generator<string> {
  const marker = "\u0001twice";
  for (const { path, value } of nodesOf(root)) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) continue;
    for (const [name, inner] of Object.entries(value)) {
      const marked = JSON.stringify(replacing(root, path, { ...value, [marker]: inner }));
      yield marked.replace(JSON.stringify(marker), JSON.stringify(name));
    }
  }
}

interface Place {
  readonly root: Loose;
  readonly path: string;
}

function mutate(mutation: MutationName, value: Loose, place: Place): Replacement {
  switch (mutation) {
    case "drop":
      return "gone";
    case "null":
      return { value: null };
    case "retype":
      return { value: retyped(value) };
    case "empty":
      return { value: emptyOf(value) };
    case "repeat":
      return { value: repeated(value) };
    case "truncate":
      return { value: truncated(value) };
    case "flip":
      return { value: flipped(value) };
    case "swap":
      return { value: swapped(value, place) };
    case "extend":
      return { value: extended(value) };
    case "huge":
      return { value: huge(value) };
  }
}

function retyped(value: Loose): Loose {
  if (typeof value === "string") return 7;
  return typeof value === "number" ? String(value) : JSON.stringify(value);
}

function emptyOf(value: Loose): Loose {
  if (typeof value === "string") return "";
  if (Array.isArray(value)) return [];
  return typeof value === "object" ? {} : 0;
}

function repeated(value: Loose): Loose {
  if (typeof value === "string") return value + value;
  return Array.isArray(value) ? [...value, ...value] : [value, value];
}

function truncated(value: Loose): Loose {
  if (typeof value === "string") return value.slice(0, value.length >> 1);
  if (Array.isArray(value)) return value.slice(1);
  if (typeof value === "object" && value !== null) return Object.fromEntries(Object.entries(value).slice(1));
  return -1;
}

/** Base64 stays base64, with one bit of its middle byte the other way round; other text gets another character. */
function flipped(value: Loose): Loose {
  if (typeof value === "number") return value + 1;
  if (typeof value === "boolean") return !value;
  if (typeof value !== "string") return value === null ? true : [value];
  if (value.length >= 8 && value.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(value)) {
    const bytes = Buffer.from(value, "base64");
    const middle = bytes.length >> 1;
    bytes[middle] = (bytes[middle] as number) ^ 0x10;
    return bytes.toString("base64");
  }
  const middle = value.length >> 1;
  return `${value.slice(0, middle)}${value[middle] === "0" ? "1" : "0"}${value.slice(middle + 1)}`;
}

/** The value of the next node of the same type in the document; arrays and objects the other way round. */
function swapped(value: Loose, { root, path }: Place): Loose {
  if (Array.isArray(value) && value.length > 1) return value.toReversed();
  const nodes = [...nodesOf(root)].filter(
    (node) =>
      node.path !== "" && typeof node.value === typeof value && Array.isArray(node.value) === Array.isArray(value),
  );
  const at = nodes.findIndex((node) => node.path === path);
  return nodes[(at + 1) % Math.max(1, nodes.length)]?.value ?? value;
}

function extended(value: Loose): Loose {
  if (typeof value === "string") return `${value} `;
  if (Array.isArray(value)) return [...value, {}];
  return typeof value === "object" && value !== null ? { ...value, unheardOf: 1 } : [value];
}

function huge(value: Loose): Loose {
  if (typeof value === "string") return /^\d+$/.test(value) ? "9223372036854775807" : `\u202e\u0000${"9".repeat(5000)}`;
  if (Array.isArray(value)) return Array.from({ length: 300 }, () => value[0] ?? 1);
  if (typeof value === "object" && value !== null) return nested(40);
  return 1e300;
}

function nested(depth: number): Loose {
  let value: Loose = 1;
  for (let at = 0; at < depth; at++) value = { inner: value };
  return value;
}

function replacing(root: Loose, path: string, value: Loose): Loose {
  return path === ""
    ? value
    : changed(root, splitPath(path), (parent, name) =>
        Array.isArray(parent) ? parent.with(Number(name), value) : { ...parent, [name]: value },
      );
}

function without(root: Loose, path: string): Loose {
  return changed(root, splitPath(path), (parent, name) =>
    Array.isArray(parent)
      ? parent.toSpliced(Number(name), 1)
      : Object.fromEntries(Object.entries(parent).filter(([each]) => each !== name)),
  );
}

function splitPath(path: string): readonly string[] {
  return path.split(/(?<!\\)\./).map((name) => name.replaceAll(String.raw`\.`, "."));
}

/** Only the objects along the path are copied: documents are large and mutants many. */
function changed(
  root: Loose,
  names: readonly string[],
  change: (parent: Loose[] | LooseObject, name: string) => Loose,
): Loose {
  const [name = "", ...rest] = names;
  const parent = root as Loose[] | LooseObject;
  if (rest.length === 0) return change(parent, name);
  const inner = changed((parent as LooseObject)[name] as Loose, rest, change);
  return Array.isArray(parent) ? parent.with(Number(name), inner) : { ...parent, [name]: inner };
}
