import { makeKeyPair, sha256, signWith } from "./keyring.ts";
import type { KeyPair } from "./keyring.ts";
import { rawPublicKey } from "./note.ts";
import type { SignatureLine } from "./note.ts";

/** A witness: it cosigns checkpoints (C2SP tlog-cosignature). */
export interface Witness {
  readonly name: string;
  readonly key: KeyPair;
  /** Verifier key in C2SP spelling: `name+hint+base64(type ‖ key)`. */
  readonly vkey: string;
  readonly keyHint: Uint8Array;
  /** Cosigns this checkpoint text without asking what it saw before. */
  readonly cosign: (text: string, o?: { readonly time?: Date; readonly key?: KeyPair }) => SignatureLine;
}

/** A witness of its own, with an Ed25519 or ML-DSA-44 key. */
export function makeWitness(o: { readonly name: string; readonly now: () => Date; readonly key?: KeyPair }): Witness {
  const key = o.key ?? makeKeyPair("ed25519");
  const type = Uint8Array.of(key.kind === "ml-dsa-44" ? 6 : 4);
  const keyHint = sha256(`${o.name}\n`, type, rawPublicKey(key)).subarray(0, 4);
  const encoded = Buffer.concat([type, rawPublicKey(key)]).toString("base64");
  const vkey = `${o.name}+${Buffer.from(keyHint).toString("hex")}+${encoded}`;
  return {
    name: o.name,
    key,
    vkey,
    keyHint,
    cosign: (text, how = {}) => {
      const seconds = Math.floor((how.time ?? o.now()).getTime() / 1000);
      const signature = cosignature(text, { name: o.name, key: how.key ?? key, seconds });
      return { name: o.name, keyHint, signature };
    },
  };
}

interface Cosigning {
  readonly name: string;
  readonly key: KeyPair;
  readonly seconds: number;
}

function cosignature(text: string, o: Cosigning): Uint8Array {
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(o.seconds));
  const message = o.key.kind === "ml-dsa-44" ? subtreeMessage(text, o.name, time) : timedMessage(text, o.seconds);
  return new Uint8Array(Buffer.concat([time, signWith(o.key, message)]));
}

function timedMessage(text: string, seconds: number): Uint8Array {
  return Buffer.from(`cosignature/v1\ntime ${seconds}\n${text}`, "utf8");
}

/** The message that ML-DSA-44 cosigns: a subtree from 0 to the checkpoint's size; extension lines are not covered. */
function subtreeMessage(text: string, name: string, time: Uint8Array): Uint8Array {
  const [origin = "", size = "0", root = ""] = text.split("\n");
  const ends = Buffer.alloc(16);
  ends.writeBigUInt64BE(BigInt(size), 8);
  const counted = (value: string): Buffer => {
    const bytes = Buffer.from(value, "utf8");
    return Buffer.concat([Uint8Array.of(bytes.length), bytes]);
  };
  const rootHash = Buffer.from(root, "base64");
  return Buffer.concat([Buffer.from("subtree/v1\n\0"), counted(name), time, counted(origin), ends, rootHash]);
}
