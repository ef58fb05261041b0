import { createPublicKey, createHash, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { equalBytes, parseHex } from "./bytes.ts";
import { derOctets } from "./der-writer.ts";
import { hasSharedData, sharedData, sigstoreCertificates } from "./sample.contract.ts";
import { formatPrecertTbs, parseCertificate } from "./x509.ts";
import { sctListOid } from "./x509-extension.ts";
import { extension, extensions, makeCertificate } from "./x509.contract.ts";
import type { Certificate } from "./x509.ts";

const samples = sigstoreCertificates();

const parse = (...all: readonly Uint8Array[]): Certificate =>
  parseCertificate(makeCertificate({ rest: extensions(...all) }));

interface ForeignRoot {
  readonly certificateAuthorities: readonly {
    readonly certChain: { readonly certificates: readonly { readonly rawBytes: string }[] };
  }[];
  readonly ctlogs: readonly {
    readonly logId: { readonly keyId: string };
    readonly publicKey: { readonly rawBytes: string };
  }[];
}

/** What the first SCT of a list signs: RFC 6962 §3.2 put down byte by byte. */
function precertEntry(list: Buffer, leaf: Certificate, issuer: Certificate): Buffer {
  const tbs = formatPrecertTbs(leaf);
  const extensionLength = list.readUInt16BE(45);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(tbs.length);
  const issuerHash = createHash("sha256").update(issuer.spki).digest();
  return Buffer.concat([
    Buffer.of(0, 0),
    list.subarray(37, 45),
    Buffer.of(0, 1),
    issuerHash,
    length.subarray(1),
    tbs,
    list.subarray(45, 47 + extensionLength),
  ]);
}

function signatureOf(list: Buffer): Buffer {
  const from = 47 + list.readUInt16BE(45) + 4;
  return list.subarray(from, from + list.readUInt16BE(from - 2));
}

describe("formatPrecertTbs", () => {
  const sct = extension(sctListOid, derOctets(Uint8Array.of(0, 0)));
  const others = [
    extension("2.5.29.15", parseHex("03020780")),
    extension("1.2.3", new Uint8Array(200), "critical"),
  ] as const;
  const tbsOf = (rest: Uint8Array): Uint8Array => parseCertificate(makeCertificate({ rest })).tbs;

  test("leaves out the SCT list wherever it stands, and nothing else", () => {
    const without = tbsOf(extensions(...others));
    for (const all of [
      [sct, ...others],
      [others[0], sct, others[1]],
      [...others, sct],
    ])
      expect(formatPrecertTbs(parse(...all))).toEqual(without);
  });

  test.each([1, 100, 120, 200, 300])("an SCT list of %i bytes", (length) => {
    const long = extension(sctListOid, derOctets(new Uint8Array(length)));
    expect(formatPrecertTbs(parse(long, ...others))).toEqual(tbsOf(extensions(...others)));
  });

  test("an only extension goes with its wrapper", () => {
    expect(formatPrecertTbs(parse(sct))).toEqual(tbsOf(new Uint8Array(0)));
  });

  test("without an SCT list nothing changes", () => {
    expect(formatPrecertTbs(parse(...others))).toEqual(tbsOf(extensions(...others)));
    expect(formatPrecertTbs(parseCertificate(makeCertificate()))).toEqual(tbsOf(new Uint8Array(0)));
  });

  // The signature of a real CT log over the result is the strongest oracle there is.
  test.skipIf(!hasSharedData)("a CT log signed just these bytes", () => {
    const root = JSON.parse(
      readFileSync(new URL("sigstore/public-good-trusted_root.json", sharedData), "utf8"),
    ) as ForeignRoot;
    const issuers = root.certificateAuthorities
      .flatMap((each) => each.certChain.certificates)
      .map((each) => parseCertificate(Buffer.from(each.rawBytes, "base64")));
    const logs = new Map(
      root.ctlogs.map((log) => [
        log.logId.keyId,
        createPublicKey({ key: Buffer.from(log.publicKey.rawBytes, "base64"), type: "spki", format: "der" }),
      ]),
    );
    let checked = 0;
    for (const { name: file, bytes } of samples) {
      const leaf = parseCertificate(bytes);
      const issuer = issuers.find(
        (each) =>
          equalBytes(each.subject, leaf.issuer) &&
          equalBytes(each.subjectKeyId ?? each.raw, leaf.authorityKeyId ?? each.raw),
      );
      const list = Buffer.from(leaf.sctList ?? []);
      const key = logs.get(list.subarray(5, 37).toString("base64"));
      if (list.length === 0 || issuer === undefined || key === undefined) continue;
      expect(verify("sha256", precertEntry(list, leaf, issuer), key, signatureOf(list)), file).toBe(true);
      checked++;
    }
    expect(checked).toBeGreaterThan(3);
  });
});
