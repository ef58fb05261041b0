import { expect, test } from "vitest";
import { base64, hex, parseBase64, parseHex, parseUtf8, utf8 } from "./bytes.ts";
import { formatCanonicalJson, formatJcs } from "./canonical-json.ts";
import { derBoolean, derInteger, derSequence, derUtf8 } from "./der-writer.ts";
import { formatEnvelope, parseEnvelope } from "./envelope.ts";
import { quote, TrustError } from "./errors.ts";
import { parseJson } from "./json.ts";
import { formatPem, parsePem } from "./pem.ts";
import { parseStatement } from "./statement.ts";
import { parseCertificate } from "./x509.ts";
import { altNames, extension, extensions, makeCertificate, otherName, textName } from "./x509.contract.ts";

// One line of each format: the engine's own parts (text codecs, regular expressions, surrogates) are what may differ.

test("bytes", () => {
  const value = Uint8Array.from({ length: 50_000 }, (_, at) => at * 7);
  expect(parseBase64(base64(value))).toEqual(value);
  expect(parseHex(hex(value))).toEqual(value);
  expect(parseUtf8(utf8("\ufeffé世😀"))).toBe("\ufeffé世😀");
  for (const text of ["Zg", "Zh==", "Zm9v\n", "\u0141m9v"]) expect(() => parseBase64(text)).toThrow(TrustError);
  expect(() => parseUtf8(Uint8Array.of(0xc0, 0x80))).toThrow(TrustError);
});

test("JSON", () => {
  const text = '{"a":[1,-0.5e1,"\\ud83d\\ude00é"],"__proto__":null}';
  for (const input of [text, utf8(text)])
    expect(JSON.stringify(parseJson(input))).toBe('{"a":[1,-5,"😀é"],"__proto__":null}');
  expect(parseUtf8(formatJcs(parseJson('{"b":1e21,"a":"\\n"}')))).toBe(String.raw`{"a":"\n","b":1e+21}`);
  expect(parseUtf8(formatCanonicalJson(parseJson('{"\u{1f600}":1,"\ufb33":2}')))).toBe('{"\ufb33":2,"\u{1f600}":1}');
  for (const wrong of ['{"a":1,"\\u0061":2}', '"\\ud83d"', '"\ud83d"', "[1,]", "1e999", "[".repeat(100_000)])
    expect(() => parseJson(wrong)).toThrow(TrustError);
});

test("DER, PEM, X.509", () => {
  const der = makeCertificate({
    rest: extensions(
      altNames(textName(6, "https://example.com/x"), otherName("1.3.6.1.4.1.57264.1.7", derUtf8("ünï"))),
      extension("2.5.29.19", derSequence(derBoolean(true), derInteger(1)), "critical"),
    ),
  });
  const [block] = parsePem(formatPem("CERTIFICATE", der));
  const certificate = parseCertificate(block?.bytes ?? der.subarray(1));
  expect(certificate.raw).toEqual(der);
  expect(certificate.notBeforeMs).toBe(Date.parse("2024-01-01T00:00:00Z"));
  expect(certificate.subjectAltNames.map(({ value }) => value)).toEqual(["https://example.com/x", "ünï"]);
  expect(certificate.basicConstraints).toEqual({ ca: true, pathLength: 1 });
  for (let at = 0; at < der.length; at++) expect(() => parseCertificate(der.subarray(0, at))).toThrow(TrustError);
});

test("envelope and Statement", () => {
  const payload = utf8(
    '{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"00"}}],"predicateType":"p"}',
  );
  const envelope = { payloadType: "t", payload, signatures: [{ keyid: "", sig: Uint8Array.of(1) }] };
  expect(parseEnvelope(formatEnvelope(envelope))).toEqual(envelope);
  expect(parseStatement(payload).subjects).toEqual([{ digest: { sha256: "00" } }]);
});

test("quoting", () => {
  expect(quote("\u202e\u{e0041}\ud83d😀")).toBe(String.raw`"\u202e\udb40\udc41\ud83d😀"`);
});
