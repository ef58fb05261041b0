import { base64, formatPem, utf8 } from "@countersign/core";
import { makeKeyPair } from "@countersign/local-sigstore";
import { bundleOf, makeEvidence, makeInstance, outcomeOf, trustRootOf, type Plan } from "@countersign/testkit";
import { describe, expect, test } from "vitest";
import { formatBundle, parseBundle, type Bundle, type InclusionProof } from "./bundle.ts";
import { parseCertificateFile, parseCosignBundle, parseSignatureFile } from "./cosign-bundle.ts";
import { formatDetached } from "./detached.ts";
import { upgradeBundle } from "./upgrade.ts";
import { verifyBundle } from "./verify.ts";

const instance = makeInstance();
const trust = trustRootOf(instance);
const nowMs = instance.now.getTime();
const old: Plan = { version: "0.2", entry: "hashedrekord 0.0.1" };

/** As cosign's older forms have it: a promise and no proof. */
function withoutProofs(bundle: Bundle): Bundle {
  const entries = bundle.entries.map((entry) => {
    const { proof, ...rest } = entry;
    return proof === undefined ? entry : rest;
  });
  return { ...bundle, version: "0.1", mediaType: "application/vnd.dev.sigstore.bundle+json;version=0.1", entries };
}

describe("upgradeBundle", () => {
  test.each<[string, Plan]>([
    ["0.1 with a proof", { ...old, version: "0.1" }],
    ["0.2", old],
    ["0.2 with an envelope", { version: "0.2", entry: "dsse 0.0.1", content: "envelope" }],
    ["0.3", { version: "0.3" }],
  ])("%s: read again by our own reader, and proved as before", (_, plan) => {
    const { json, artifact } = makeEvidence(instance, plan);
    const { bundle } = upgradeBundle(bundleOf(json));
    const again = parseBundle(utf8(formatBundle(bundle)));
    expect(again).toEqual(bundle);
    expect(again.version).toBe("0.3");
    const before = verifyBundle(bundleOf(json), artifact, trust, { nowMs });
    expect(verifyBundle(again, artifact, trust, { nowMs })).toMatchObject({
      signer: before.signer,
      times: before.times,
    });
  });

  test("a false one stays false", () => {
    const { json, artifact } = makeEvidence(instance, { ...old, signature: new Uint8Array(70) });
    const { bundle } = upgradeBundle(bundleOf(json));
    expect(outcomeOf(() => verifyBundle(bundle, artifact, trust, { nowMs }))).toMatch(/^SIGSTORE_/);
  });

  test("only a promise, or a proof without checkpoint, is not enough", () => {
    const bundle = bundleOf(makeEvidence(instance, { ...old, version: "0.1" }).json);
    expect(outcomeOf(() => upgradeBundle(withoutProofs(bundle)))).toBe("SIGSTORE_BUNDLE_NOT_UPGRADABLE");
    const entries = bundle.entries.map((entry) => {
      const { checkpoint, ...proof } = entry.proof as InclusionProof;
      return checkpoint === undefined ? entry : { ...entry, proof };
    });
    expect(outcomeOf(() => upgradeBundle({ ...bundle, entries }))).toBe("SIGSTORE_BUNDLE_NOT_UPGRADABLE");
  });
});

/** As `cosign sign-blob --bundle` wrote it. */
function cosignOf(bundle: Bundle): { base64Signature: string; cert: string; rekorBundle: unknown } {
  const { bytes, annotations } = formatDetached(bundle);
  const signature = annotations.get("dev.cosignproject.cosign/signature") ?? "";
  return {
    base64Signature: signature === "" ? base64(bytes) : signature,
    cert: base64(utf8(annotations.get("dev.sigstore.cosign/certificate") ?? "")),
    rekorBundle: JSON.parse(annotations.get("dev.sigstore.cosign/bundle") ?? "{}"),
  };
}

describe("parseCosignBundle", () => {
  test.each<[string, Plan]>([
    ["a file's signature", old],
    ["an envelope", { version: "0.2", entry: "dsse 0.0.1", content: "envelope" }],
  ])("%s: the same evidence, proved by the log's promise", (_, plan) => {
    const { json, artifact } = makeEvidence(instance, plan);
    const bundle = parseCosignBundle(utf8(JSON.stringify(cosignOf(bundleOf(json)))));
    expect(bundle.version).toBe("0.1");
    expect(parseBundle(utf8(formatBundle(bundle)))).toEqual(bundle);
    expect(verifyBundle(bundle, artifact, trust, { nowMs }).logs).toMatchObject([{ proof: "promise" }]);
  });

  test("a public key in it is no anchor: the verifier's own key counts", () => {
    const pem = formatPem("PUBLIC KEY", makeKeyPair("p256").spki);
    const text = JSON.stringify({ base64Signature: "AAAA", cert: base64(utf8(pem)) });
    expect(parseCosignBundle(utf8(text)).material).toEqual({ kind: "key", hint: "" });
  });

  const whole = cosignOf(bundleOf(makeEvidence(instance, old).json));
  test.each<[string, unknown]>([
    ["no object", []],
    ["no signature", { ...whole, base64Signature: undefined }],
    ["no base64", { ...whole, base64Signature: "*" }],
    ["an empty signature", { ...whole, base64Signature: "" }],
    ["no certificate in cert", { ...whole, cert: base64(utf8("hello")) }],
    ["another member", { ...whole, extra: 1 }],
    ["another member of the promise", { ...whole, rekorBundle: { ...(whole.rekorBundle as object), extra: 1 } }],
    ["a promise without payload", { ...whole, rekorBundle: { SignedEntryTimestamp: "AAAA" } }],
    [
      "a number too large",
      {
        ...whole,
        rekorBundle: {
          SignedEntryTimestamp: "AAAA",
          Payload: { body: "AAAA", integratedTime: "9223372036854775807", logIndex: 0, logID: "00" },
        },
      },
    ],
  ])("refuses %s", (_, value) => {
    expect(outcomeOf(() => parseCosignBundle(utf8(JSON.stringify(value))))).toBe("SIGSTORE_DETACHED_MALFORMED");
  });
});

test("files of cosign: a signature as base64 or as it is, a certificate as PEM or base64 of it", () => {
  const signature = new Uint8Array([0x30, 0x80, 0xff]);
  const payload = { kind: "payload", signature: base64(signature) };
  expect(parseSignatureFile(signature)).toEqual(payload);
  expect(parseSignatureFile(utf8(`${base64(signature)}\n`))).toEqual(payload);
  expect(parseSignatureFile(utf8(base64(utf8("{}"))))).toMatchObject({ kind: "envelope" });
  const pem = "-----BEGIN CERTIFICATE-----\n";
  expect(parseCertificateFile(utf8(pem))).toBe(pem);
  expect(parseCertificateFile(utf8(base64(utf8(pem))))).toBe(pem);
  expect(outcomeOf(() => parseCertificateFile(utf8("hello")))).toBe("SIGSTORE_DETACHED_MALFORMED");
});
