import { quote, type Json, type JsonObject } from "@countersign/core";
import { ociError } from "./errors.ts";

/** One place in a manifest that names an image. */
export interface ImageUse {
  /** As written. */
  readonly image: string;
  /** Where: members and positions from the document's root. */
  readonly path: readonly (string | number)[];
}

/** What a document names, and what in it looks like images and was not looked at. */
export interface ImageUses {
  readonly uses: readonly ImageUse[];
  /** Places that hold containers, or a text called `image`, in a kind that nobody said how to read. */
  readonly unread: readonly string[];
  /** Containers and image volumes that name no image: something else will name one for them. */
  readonly missing: readonly string[];
}

/** Where kinds of one's own keep images or pod specs: by kind, paths such as `spec.template.spec` or `spec.steps[*].image`; `-` is nowhere. */
export type KindPaths = ReadonlyMap<string, readonly string[]>;

/** How deep a document is looked into. */
export const maxKubernetesDepth: number = 64;
/** The most images of one document. */
export const maxImageUses: number = 1000;

/** The path that says that a kind runs nothing. */
const nowhere = "-";
/** Kinds of the core group that hold texts for others. */
const textKinds: ReadonlySet<string> = new Set(["ConfigMap", "Secret"]);

/** Where each kind that runs pods has its pod spec (Kubernetes API reference, workloads). */
const podSpecs: ReadonlyMap<string, readonly string[]> = new Map([
  ["Pod", ["spec"]],
  ["PodTemplate", ["template.spec"]],
  ["Deployment", ["spec.template.spec"]],
  ["ReplicaSet", ["spec.template.spec"]],
  ["ReplicationController", ["spec.template.spec"]],
  ["StatefulSet", ["spec.template.spec"]],
  ["DaemonSet", ["spec.template.spec"]],
  ["Job", ["spec.template.spec"]],
  ["CronJob", ["spec.jobTemplate.spec.template.spec"]],
]);

/**
 * The images that a Kubernetes object runs: those of containers, init and ephemeral containers and image volumes, in every
 * kind that has pods, in lists of objects, and where `kinds` says. Containers and texts called `image` anywhere else are named
 * in `unread`, containers without an image in `missing`: they must not pass for none. Images under other names, such as
 * `spec.baseImage`, are seen only where `kinds` says. Throws OCI_KUBERNETES_MALFORMED, OCI_TOO_MANY.
 */
export function findKubernetesImages(document: Json, kinds: KindPaths = new Map()): ImageUses {
  const found = objectsOf(document, []).map((each) => imagesOf(each, kinds));
  const uses = found.flatMap((each) => each.uses);
  if (uses.length > maxImageUses)
    throw ociError("OCI_TOO_MANY", { checked: "images of one document", expected: `at most ${maxImageUses}` });
  return { uses, unread: found.flatMap((each) => each.unread), missing: found.flatMap((each) => each.missing) };
}

function imagesOf({ object, path }: Place, kinds: KindPaths): ImageUses {
  const kind = typeof object["kind"] === "string" ? object["kind"] : "";
  const own = kinds.get(kind) ?? [];
  const named = [...(podSpecs.get(kind) ?? []), ...own.filter((place) => place !== nowhere)];
  const slots = named.flatMap((place) => follow(object, parsePath(place), path).flatMap(slotsAt));
  const uses = slots.flatMap(({ image, path: at }) => (image === undefined ? [] : [{ image, path: at }]));
  // Another API group may have a kind of the same name with its pods elsewhere.
  const looked = new Set(slots.flatMap((slot) => [formatPath(slot.path), formatPath(slot.path.slice(0, -2))]));
  const others =
    own.includes(nowhere) || textKinds.has(kind) ? [] : imagesIn(object, path).filter((at) => !looked.has(at));
  const missing = slots.filter(({ image }) => image === undefined);
  return {
    uses,
    unread: others.map((at) => `${quote(kind)} at ${at}`),
    missing: missing.map((slot) => `${quote(kind)} at ${formatPath(slot.path)}`),
  };
}

/** Reads `KIND=path`, as `findKubernetesImages` takes them. Throws OCI_KUBERNETES_PATH. */
export function parseKindPaths(texts: readonly string[]): KindPaths {
  const kinds = new Map<string, string[]>();
  for (const text of texts) {
    const [kind = "", path = "", ...more] = text.split("=");
    if (!/^[A-Za-z][A-Za-z0-9]*$/.test(kind) || more.length > 0) throw badPath(text);
    parsePath(path);
    kinds.set(kind, [...(kinds.get(kind) ?? []), path]);
  }
  return kinds;
}

interface Found {
  readonly value: Json | undefined;
  readonly path: ImageUse["path"];
}

interface Place {
  readonly object: JsonObject;
  readonly path: ImageUse["path"];
}

/** The object itself without its items, and the items of a list of objects, however deep lists lie in lists. */
function objectsOf(document: Json, path: ImageUse["path"]): readonly Place[] {
  if (document === null) return [];
  if (!isObject(document)) throw malformed(path, "an object");
  if (path.length > maxKubernetesDepth) throw malformed(path, `at most ${maxKubernetesDepth} levels`);
  const { kind, items } = document;
  const isList = typeof kind === "string" && kind.endsWith("List") && Array.isArray(items);
  const { items: _, ...rest } = document;
  const own = { object: isList || !Array.isArray(items) ? rest : document, path };
  // kubectl takes whatever has `items` for a list, whatever its kind says.
  const inside = (Array.isArray(items) ? (items as readonly Json[]) : []).flatMap((item, index) =>
    isList || isObject(item) ? objectsOf(item, [...path, "items", index]) : [],
  );
  return [own, ...inside];
}

function follow(value: Json | undefined, steps: readonly string[], path: ImageUse["path"]): readonly Found[] {
  const [step, ...rest] = steps;
  if (step === undefined) return [{ value, path }];
  if (step === "*")
    return Array.isArray(value)
      ? (value as readonly Json[]).flatMap((each, index) => follow(each, rest, [...path, index]))
      : [];
  return isObject(value) && Object.hasOwn(value, step) ? follow(value[step], rest, [...path, step]) : [];
}

/** A place for an image: none where a container leaves it open. */
interface Slot {
  readonly image: string | undefined;
  readonly path: ImageUse["path"];
}

/** A text is an image, an object a pod spec or a container. */
function slotsAt({ value, path }: Found): readonly Slot[] {
  if (value === undefined || value === null) return [];
  if (typeof value === "string") return [{ image: value, path }];
  if (!isObject(value)) throw malformed(path, "a pod spec or an image");
  const containers = ["containers", "initContainers", "ephemeralContainers"].flatMap((name) =>
    membersOf(value, name, path).flatMap(({ value: each, path: at }) => imageOf(each, "image", at)),
  );
  const volumes = membersOf(value, "volumes", path).flatMap(({ value: each, path: at }) =>
    isObject(each) && isObject(each["image"]) ? imageOf(each["image"], "reference", [...at, "image"]) : [],
  );
  const isContainer = !Object.hasOwn(value, "containers") && Object.hasOwn(value, "image");
  const own = isContainer ? imageOf(value, "image", path) : [];
  return [...containers, ...volumes, ...own];
}

function membersOf(value: JsonObject, name: string, path: ImageUse["path"]): readonly Found[] {
  const list = Object.hasOwn(value, name) ? value[name] : undefined;
  if (list === undefined || list === null) return [];
  if (!Array.isArray(list)) throw malformed([...path, name], "a list");
  return (list as readonly Json[]).map((each, index) => ({ value: each, path: [...path, name, index] }));
}

/** A container without an image gets one from elsewhere, such as a webhook. */
function imageOf(container: Json | undefined, member: string, path: ImageUse["path"]): readonly Slot[] {
  if (!isObject(container)) throw malformed(path, "an object");
  const at = [...path, member];
  const image = Object.hasOwn(container, member) ? container[member] : undefined;
  if (image === undefined || image === null || image === "") return [{ image: undefined, path: at }];
  if (typeof image !== "string") throw malformed(at, "a text");
  return [{ image, path: at }];
}

/** Where below an object there are lists of containers that name images, or texts called `image`. */
function imagesIn(value: Json | undefined, path: ImageUse["path"]): readonly string[] {
  if (path.length > maxKubernetesDepth) throw malformed(path, `at most ${maxKubernetesDepth} levels`);
  if (Array.isArray(value))
    return (value as readonly Json[]).flatMap((each, index) => imagesIn(each, [...path, index]));
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    const at = [...path, name];
    // Labels and annotations may be called anything.
    if (name === "image" && typeof inner === "string" && inner !== "" && !path.includes("metadata"))
      return [formatPath(at)];
    const isHere =
      /^(?:init|ephemeral)?containers$/i.test(name) &&
      Array.isArray(inner) &&
      (inner as readonly Json[]).some(hasImage);
    return isHere ? [formatPath(at)] : imagesIn(inner, at);
  });
}

function hasImage(value: Json): boolean {
  return isObject(value) && typeof value["image"] === "string";
}

function parsePath(path: string): readonly string[] {
  const steps = path.replaceAll("[*]", ".*").split(".");
  if (steps.every((step) => step === "*" || /^[A-Za-z0-9_-]+$/.test(step))) return steps;
  throw badPath(path);
}

/** `spec.containers[0].image`. */
export function formatPath(path: ImageUse["path"]): string {
  return path
    .map((step, index) => (typeof step === "number" ? `[${step}]` : `${index === 0 ? "" : "."}${step}`))
    .join("");
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function malformed(path: ImageUse["path"], expected: string): Error {
  return ociError("OCI_KUBERNETES_MALFORMED", { checked: quote(formatPath(path)), expected });
}

function badPath(text: string): Error {
  return ociError("OCI_KUBERNETES_PATH", { expected: "KIND=spec.path.to[*].image", got: quote(text) });
}
