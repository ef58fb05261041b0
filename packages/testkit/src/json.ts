/** JSON that a test may take apart and change in place. */
export type Loose = null | boolean | number | string | Loose[] | LooseObject;
/** An object of `Loose`. */
export interface LooseObject {
  [name: string]: Loose;
}

/** A deep copy, so that tests may change what they were given. */
export function copyJson<T extends Loose>(value: T): T {
  return structuredClone(value);
}

/** UTF-8 of the JSON text. */
export function bytesOfJson(value: Loose): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(value));
}

/** The value at a dotted path such as `a.b.0.c`, or undefined if there is none. */
export function valueAt(root: Loose, path: string): Loose | undefined {
  return namesOf(path).reduce<Loose | undefined>((value, name) => memberOf(value, name), root);
}

/** The text at a dotted path. Throws an Error if there is none. */
export function textAt(root: Loose, path: string): string {
  const value = valueAt(root, path);
  if (typeof value !== "string") throw new Error(`no text at ${path}`);
  return value;
}

/** A copy of `root` with the value at a dotted path replaced; undefined removes it. Throws an Error if the path leads nowhere. */
export function withAt<T extends Loose>(root: T, path: string, value: Loose | undefined): T {
  const names = namesOf(path);
  const last = names.pop();
  const whole = copyJson(root);
  const parent = valueAt(whole, names.join("."));
  if (last === undefined || typeof parent !== "object" || parent === null) throw new Error(`no such path: ${path}`);
  if (Array.isArray(parent)) parent.splice(Number(last), 1, ...(value === undefined ? [] : [value]));
  else if (value === undefined) delete parent[last];
  else parent[last] = value;
  return whole;
}

function namesOf(path: string): string[] {
  return path === "" ? [] : path.split(".");
}

function memberOf(value: Loose | undefined, name: string): Loose | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  return Array.isArray(value) ? value[Number(name)] : value[name];
}
