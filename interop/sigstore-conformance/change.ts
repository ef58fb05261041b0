import { parseJson, TrustError } from "@countersign/core";
import { bytesOfJson, textAt, valueAt, withAt, type Loose, type LooseObject } from "@countersign/testkit";
import type { Input } from "./case.ts";

/** Makes one case of the suite into another by changing one thing. */
export type Change = (input: Input, others: (name: string) => Input) => Input;

export const proof = "verificationMaterial.tlogEntries.0.inclusionProof";
export const checkpoint = `${proof}.checkpoint.envelope`;
export const stamps = "verificationMaterial.timestampVerificationData.rfc3161Timestamps";

function inBundle(input: Input, change: (bundle: LooseObject) => LooseObject): Input {
  return { ...input, bundle: bytesOfJson(change(parseLoose(input.bundle))) };
}

function parseLoose(bytes: Uint8Array): LooseObject {
  return structuredClone(parseJson(bytes)) as LooseObject;
}

export function leaveOut(name: "key" | "trustedRoot"): Change {
  return (input) => {
    const left = { ...input };
    delete left[name];
    return left;
  };
}

export function setIn(path: string, value: Loose | undefined): Change {
  return (input) => inBundle(input, (bundle) => withAt(bundle, path, value));
}

export function editIn(path: string, edit: (text: string) => string): Change {
  return (input) => inBundle(input, (bundle) => withAt(bundle, path, edit(textAt(bundle, path))));
}

export function takeFrom(other: string, path: string): Change {
  return (input, others) => setIn(path, valueAt(parseLoose(others(other).bundle), path))(input, others);
}

export function keyOf(input: Input): Pick<Input, "key"> {
  return input.key === undefined ? {} : { key: input.key };
}

// A body that is changed no longer is what the promise and the proof are about: those come second, the reason first.
export function entryBody(edit: (text: string) => string): Change {
  return editIn("verificationMaterial.tlogEntries.0.canonicalizedBody", (text) => {
    const before = Buffer.from(text, "base64").toString("utf8");
    const after = edit(before);
    if (before === after) throw new Error("the body was not changed");
    return Buffer.from(after, "utf8").toString("base64");
  });
}

export function entryFrom(other: string, path: string): Change {
  const bodyPath = "verificationMaterial.tlogEntries.0.canonicalizedBody";
  return (input, others) => {
    const theirs = JSON.parse(
      Buffer.from(textAt(parseLoose(others(other).bundle), bodyPath), "base64").toString("utf8"),
    ) as Loose;
    const edit = (text: string): string =>
      JSON.stringify(withAt(JSON.parse(text) as Loose, path, valueAt(theirs, path)));
    return entryBody(edit)(input, others);
  };
}

export function entryKeyFrom(other: string): Change {
  return entryFrom(other, "spec.signature.publicKey");
}

export function changeLine(index: number, edit: (line: string) => string | undefined): (note: string) => string {
  return (note) =>
    note
      .split("\n")
      .flatMap((line, at) => (at === index ? (edit(line) ?? []) : line))
      .join("\n");
}

export function signatureLines(edit: (lines: readonly string[]) => readonly string[]): Change {
  return editIn(checkpoint, (note) => {
    const border = note.lastIndexOf("\n\n") + 2;
    const lines = note.slice(border).split("\n").slice(0, -1);
    return (
      note.slice(0, border) +
      edit(lines)
        .map((line) => `${line}\n`)
        .join("")
    );
  });
}

/** The line with another key hint, as if the log signed with a second key. */
export function otherHint(line = ""): string {
  const [dash, name, text = ""] = line.split(" ");
  return `${dash} ${name} ${flipBase64(text, 0)}`;
}

export function flipBase64(text: string, at = 20): string {
  const bytes = Buffer.from(text, "base64");
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes.toString("base64");
}

export function inRoot(change: (root: LooseObject) => LooseObject): Change {
  return (input) => {
    if (input.trustedRoot === undefined)
      throw new TrustError("TEST", { kind: "usage", says: "the case brings no trust root", fix: "take another" });
    return { ...input, trustedRoot: bytesOfJson(change(parseLoose(input.trustedRoot))) };
  };
}

export function windowOf(list: "tlogs" | "timestampAuthorities", validFor: LooseObject): Change {
  return inRoot((root) => ({
    ...root,
    [list]: (root[list] as LooseObject[]).map((each) =>
      list === "tlogs"
        ? { ...each, publicKey: { ...(each["publicKey"] as LooseObject), validFor } }
        : { ...each, validFor },
    ),
  }));
}

/** The log's window ends with the entry's own second, or some seconds after it. */
export function endsWithEntry(seconds: number): Change {
  return (input, others) => {
    const integrated = Number(valueAt(parseLoose(input.bundle), "verificationMaterial.tlogEntries.0.integratedTime"));
    const end = new Date((integrated + seconds) * 1000).toISOString();
    return windowOf("tlogs", { start: "2021-01-12T11:53:27Z", end })(input, others);
  };
}

export function withChain(input: Input): Input {
  const path = "verificationMaterial.x509CertificateChain.certificates";
  const authorities = parseLoose(input.trustedRoot as Uint8Array)["certificateAuthorities"] as LooseObject[];
  const chain = valueAt(authorities.at(-1) as LooseObject, "certChain.certificates") as Loose[];
  return inBundle(input, (bundle) => withAt(bundle, path, [...(valueAt(bundle, path) as Loose[]), ...chain]));
}

/** The only authority's window is over, and another that has no certificates has one which covers the timestamp. */
export function borrowedWindow(input: Input): Input {
  const over = { start: "2000-01-01T00:00:00Z", end: "2000-01-02T00:00:00Z" };
  const nobody = {
    uri: "https://tsa.test",
    certChain: { certificates: [] },
    validFor: { start: "2000-01-01T00:00:00Z" },
  };
  return inRoot((root) => {
    const [only] = root["timestampAuthorities"] as LooseObject[];
    return { ...root, timestampAuthorities: [{ ...only, validFor: over }, nobody] };
  })(input, () => input);
}

/** The JSON that older cosign wrote under the same option, which is no Sigstore bundle. */
export function olderCosign(input: Input): Input {
  const bundle = { base64Signature: "AA==", cert: "AA==", rekorBundle: { SignedEntryTimestamp: "AA==", Payload: {} } };
  return { ...input, bundle: bytesOfJson(bundle) };
}
