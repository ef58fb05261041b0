import { describe, expect, test } from "vitest";
import { formatEnvelope, parseEnvelope } from "./envelope.ts";
import { parseJson } from "./json.ts";
import { hasSharedData, sigstoreJson } from "./sample.contract.ts";
import { parseStatement } from "./statement.ts";
import type { Json } from "./json.ts";

interface Bundle {
  readonly dsseEnvelope?: {
    readonly payload: string;
    readonly payloadType: string;
    readonly signatures: readonly { readonly sig: string }[];
  };
}

/** Bundles and trust roots that public services made, beside the platform's own lax readers. */
describe.skipIf(!hasSharedData)("real files", () => {
  const samples = sigstoreJson();
  const bundles = samples.map(({ name, bytes }) => ({ name, bundle: parseJson(bytes) as Bundle }));
  const envelopes = bundles.flatMap(({ name, bundle }) =>
    bundle.dsseEnvelope === undefined ? [] : [{ name, foreign: bundle.dsseEnvelope }],
  );

  test("JSON, as JSON.parse reads it", () => {
    expect(samples.length).toBeGreaterThan(30);
    for (const { name, bytes } of samples)
      expect(parseJson(bytes), name).toEqual(JSON.parse(new TextDecoder().decode(bytes)));
  });

  test("envelopes, as Buffer reads their base64, and written again as they were", () => {
    expect(envelopes.length).toBeGreaterThan(5);
    for (const { name, foreign } of envelopes) {
      const envelope = parseEnvelope(foreign as unknown as Json);
      expect(Buffer.from(envelope.payload), name).toEqual(Buffer.from(foreign.payload, "base64"));
      expect(envelope.signatures.map((each) => Buffer.from(each.sig).toString("base64"))).toEqual(
        foreign.signatures.map((each) => each.sig),
      );
      expect(formatEnvelope(envelope)).toMatchObject({ payload: foreign.payload, payloadType: foreign.payloadType });
    }
  });

  test("Statements, as JSON.parse reads them", () => {
    const attested = envelopes.filter(({ foreign }) => foreign.payloadType === "application/vnd.in-toto+json");
    expect(attested.length).toBeGreaterThan(3);
    for (const { name, foreign } of attested) {
      const statement = parseStatement(new Uint8Array(Buffer.from(foreign.payload, "base64")));
      const { subject, predicate, predicateType } = JSON.parse(Buffer.from(foreign.payload, "base64").toString()) as {
        readonly subject: readonly { readonly digest: unknown }[];
        readonly predicate: unknown;
        readonly predicateType: string;
      };
      expect(
        statement.subjects.map((each) => each.digest),
        name,
      ).toEqual(subject.map((each) => each.digest));
      expect([statement.predicateType, statement.predicate], name).toEqual([predicateType, predicate]);
    }
  });
});
