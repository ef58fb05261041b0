import { quote, TrustError } from "@countersign/core";
import { sigstoreError } from "../errors.ts";
import { variableOf } from "./key-service.ts";
import { ck, type Pkcs11Module, type Pkcs11Package, type TokenInfo } from "./pkcs11-module.node.ts";
import type { Pkcs11Reference } from "./pkcs11-uri.ts";
import type { KeyIo } from "./resolver.node.ts";

/**
 * Loads the library of a token, which runs in this process: the one of `module-path`, else of $COUNTERSIGN_PKCS11_MODULE,
 * $COSIGN_PKCS11_MODULE_PATH or $PKCS11_MODULE_PATH. Throws SIGSTORE_KEY_PKCS11_MISSING, SIGSTORE_KEY_PKCS11_MODULE.
 */
export async function loadModule({ modulePath }: Pkcs11Reference, io: KeyIo): Promise<Pkcs11Module> {
  const variables = ["COUNTERSIGN_PKCS11_MODULE", "COSIGN_PKCS11_MODULE_PATH", "PKCS11_MODULE_PATH"];
  const path = modulePath ?? variableOf(io.env, ...variables);
  if (path === undefined)
    throw sigstoreError("SIGSTORE_KEY_PKCS11_MODULE", { expected: "a library", got: "none named" });
  const { PKCS11 } = await loadPackage(io);
  const module = new PKCS11();
  try {
    module.load(path);
  } catch {
    throw sigstoreError("SIGSTORE_KEY_PKCS11_MODULE", { checked: quote(path), got: "no library that can be loaded" });
  }
  translated("C_Initialize", () => module.C_Initialize(), [ck.CKR_CRYPTOKI_ALREADY_INITIALIZED]);
  return module;
}

async function loadPackage(io: KeyIo): Promise<Pkcs11Package> {
  try {
    return await io.loadPkcs11();
  } catch (error) {
    if (error instanceof TrustError) throw error;
    throw sigstoreError("SIGSTORE_KEY_PKCS11_MISSING");
  }
}

/** The one slot whose token fits. Throws SIGSTORE_KEY_PKCS11_NOT_FOUND if it is none, or one of several. */
export function findSlot(
  module: Pkcs11Module,
  reference: Pkcs11Reference,
): { readonly slot: Buffer; readonly info: TokenInfo } {
  const slots = module
    .C_GetSlotList(true)
    .map((slot) => ({ slot, info: module.C_GetTokenInfo(slot) }))
    .filter(({ slot, info }) => isFitting(slot, info, reference));
  const [found, ...more] = slots;
  if (found !== undefined && more.length === 0) return found;
  const got = found === undefined ? "none" : `${slots.length}: name token or serial`;
  throw sigstoreError("SIGSTORE_KEY_PKCS11_NOT_FOUND", { checked: "tokens that fit", expected: "one", got });
}

function isFitting(slot: Buffer, info: TokenInfo, { token, slotId }: Pkcs11Reference): boolean {
  if ((info.flags & ck.CKF_TOKEN_INITIALIZED) === 0) return false;
  const own = { token: info.label, manufacturer: info.manufacturerID, serial: info.serialNumber, model: info.model };
  const isSlot = slotId === undefined || slot.readUIntLE(0, Math.min(6, slot.length)) === slotId;
  return isSlot && Object.entries(token).every(([name, value]) => own[name as keyof typeof own].trimEnd() === value);
}

/** What a wrong, locked or expired PIN is told by. */
const pinCodes: ReadonlyMap<number, string> = new Map([
  [ck.CKR_PIN_INCORRECT, "the PIN is wrong"],
  [ck.CKR_PIN_LEN_RANGE, "the PIN is too short or too long"],
  [ck.CKR_PIN_EXPIRED, "the PIN has expired"],
  [ck.CKR_PIN_LOCKED, "the PIN is locked"],
]);

/**
 * Calls the token and turns its errors into ours; those of `fine` are none. Drops the cause: nobody knows what a library
 * puts into it. Throws SIGSTORE_KEY_PIN_WRONG, SIGSTORE_KEY_PKCS11_FAILED.
 */
export function translated<T>(name: string, call: () => T, fine: readonly number[] = []): T {
  try {
    return call();
  } catch (error) {
    if (error instanceof TrustError) throw error;
    const code = codeOf(error);
    if (fine.includes(code)) return undefined as T;
    const pin = pinCodes.get(code);
    if (pin !== undefined) throw sigstoreError("SIGSTORE_KEY_PIN_WRONG", { got: pin });
    throw sigstoreError("SIGSTORE_KEY_PKCS11_FAILED", { checked: name, got: `CKR 0x${code.toString(16)}` });
  }
}

function codeOf(error: unknown): number {
  return error instanceof Error && "code" in error && typeof error.code === "number" ? error.code : 0;
}
