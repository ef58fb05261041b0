import { checkIntegers, readTextItems, readTextMembers, readTextValue } from "@countersign/core";
import { canonicalErrors } from "./canonical.ts";
import { inTotoError } from "./errors.ts";

/** A member of the reference's model: its canonical text where the document has none, and what it is made of. */
interface ModelMember {
  readonly name: string;
  /** Absent where the reference needs the member, or fails for want of it. */
  readonly missing?: string;
  /** The same where the document has what Python takes for false. */
  readonly empty?: string;
  /** Overrides whatever the document says. */
  readonly always?: string;
  /** The value is a list of such objects. */
  readonly items?: readonly ModelMember[];
}

/** In place of a month from now, which nobody can have signed. */
const neverValid = '"0001-01-01T00:00:00Z"';
const isEmpty = /^(?:null|false|-?0|""|\[\]|\{\})$/;

/* Members in canonical order, as in-toto 1.3.1's classes hold them. */
const itemMembers = (always: string, own: readonly ModelMember[]): readonly ModelMember[] =>
  [
    { name: "_type", always },
    { name: "expected_materials", missing: "[]" },
    { name: "expected_products", missing: "[]" },
    { name: "name", missing: "null" },
    ...own,
  ].toSorted((a, b) => (a.name < b.name ? -1 : 1));
const stepModel = itemMembers('"step"', [
  { name: "expected_command", missing: "[]" },
  { name: "pubkeys", missing: "[]" },
  { name: "threshold", missing: "1" },
]);
const inspectionModel = itemMembers('"inspection"', [{ name: "run", missing: "[]" }]);
const layoutModel: readonly ModelMember[] = [
  { name: "_type" },
  { name: "expires", missing: neverValid, empty: neverValid },
  { name: "inspect", items: inspectionModel },
  { name: "keys", missing: "{}" },
  { name: "readme", missing: '""' },
  { name: "steps", items: stepModel },
];
const linkModel: readonly ModelMember[] = [
  { name: "_type" },
  { name: "byproducts", missing: "{}" },
  { name: "command", missing: "[]" },
  { name: "environment", missing: "{}" },
  { name: "materials", missing: "{}" },
  { name: "name", missing: "null" },
  { name: "products", missing: "{}" },
];

/**
 * The canonical text that in-toto 1.3.1 verifies in place of the one it received: unknown members are dropped, and
 * missing ones have their defaults. Only for compat: an attacker may do the same changes unseen.
 * Throws INTOTO_METADATA_TYPE, INTOTO_METADATA_MALFORMED, INTOTO_JSON_NUMBER.
 */
export function modelText(text: string): string {
  const type = readTextMembers(text).find(({ name }) => name === "_type");
  const value = type === undefined ? undefined : readTextValue(text.slice(type.from, type.to));
  if (value !== "link" && value !== "layout") throw inTotoError("INTOTO_METADATA_TYPE");
  const model = pickMembers(text, value === "link" ? linkModel : layoutModel);
  checkIntegers(model, canonicalErrors);
  return model;
}

function pickMembers(text: string, model: readonly ModelMember[]): string {
  if (!text.startsWith("{")) throw malformed("an object");
  const members = new Map(readTextMembers(text).map((each) => [each.name, each]));
  // The constructors take members as keyword arguments, of which this one is taken.
  if (members.has("self")) throw malformed("no member 'self'");
  const picked = model.map(({ name, missing, empty, always, items }) => {
    const found = members.get(name);
    const given = found === undefined ? missing : text.slice(found.from, found.to);
    const value = always ?? (empty !== undefined && given !== undefined && isEmpty.test(given) ? empty : given);
    if (value === undefined) throw malformed(name);
    return `"${name}":${items === undefined ? value : pickItems(value, items)}`;
  });
  return `{${picked.join(",")}}`;
}

function pickItems(text: string, model: readonly ModelMember[]): string {
  if (!text.startsWith("[")) throw malformed("an array");
  return `[${readTextItems(text)
    .map((item) => pickMembers(item, model))
    .join(",")}]`;
}

function malformed(expected: string): ReturnType<typeof inTotoError> {
  return inTotoError("INTOTO_METADATA_MALFORMED", { expected });
}
