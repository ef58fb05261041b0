import { existsSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "@countersign/core";
import { openLinkDirectory } from "./link-source.node.ts";
import { parseKeyFile, parseSignerFile } from "./key-file.ts";
import type { Artifacts } from "./artifacts.ts";
import type { InspectionRunner } from "./inspection.ts";
import { parseMetadata } from "./metadata.ts";
import type { LinkSource } from "./link-source.ts";
import type { Mode } from "./mode.ts";
import { formatMetadata, signMetadata, type SignedFile } from "./sign.ts";
import { verifyLayout } from "./verify.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const folder = join(root, "../shared/data/in-toto/golang");
const isThere = existsSync(folder);
const read = (name: string): Uint8Array => readFileSync(join(folder, name));
const now = new Date("2026-11-22T00:00:00Z");

/** What untar would find, without running it. */
const untar: InspectionRunner = () => {
  const { link } = parseMetadata(read("package.d3ffd108.link"), "strict") as {
    readonly link: { readonly products: Artifacts; readonly materials: Artifacts };
  };
  return { materials: link.products, products: link.materials, returnValue: 0 };
};

const codes = (name: string, mode: Mode = "strict", links: LinkSource = openLinkDirectory(folder)): string => {
  const { verdict, findings } = verifyLayout({
    layout: parseMetadata(read(name), mode),
    keys: [parseKeyFile(read("alice.pub"))],
    links,
    now,
    mode,
    inspect: untar,
  });
  return verdict === "allowed"
    ? verdict
    : findings
        .filter(({ level }) => level !== "warn")
        .map(({ code }) => code)
        .join(" ");
};

describe.skipIf(!isThere)(`layouts and links of in-toto-golang (${relative(root, folder)})`, () => {
  test("its Metablock layout with certificate authorities, which the Python reference refuses", () => {
    expect(codes("demo.layout")).toBe("allowed");
    expect(codes("demo.layout", "compat")).toBe("INTOTO_SIGNATURE_BAD");
  });

  test.each(["demo.dsse.layout", "dsse-only.root.layout"])("%s", (name) => {
    expect(codes(name)).toBe("allowed");
    expect(codes(name, "compat")).toBe("allowed");
  });

  test("its sublayout, and the layout above it, which has expired and is not signed", () => {
    expect(codes("sub_layout.70ca5750.link")).toBe("allowed");
    expect(codes("super.layout")).toBe("INTOTO_SIGNATURE_MISSING");
  });

  const stranger = async (certificate: string, secret: string): Promise<LinkSource> => {
    const { signed } = JSON.parse(Buffer.from(read("write-code.b7d643de.link")).toString()) as {
      readonly signed: JsonObject;
    };
    const { key, signer } = parseSignerFile(read(secret));
    const file = await signMetadata(signed, [{ key, signer }], "metablock");
    const signatures = file.signatures.map((each) => ({ ...each, cert: Buffer.from(read(certificate)).toString() }));
    const bytes = Buffer.from(formatMetadata({ ...file, signatures } as SignedFile));
    const disk = openLinkDirectory(folder);
    const id = key.keyid.slice(0, 8);
    return {
      open: (step, keyid8) => (step !== "write-code" ? disk.open(step, keyid8) : keyid8 === id ? bytes : undefined),
      list: (step) => (step === "write-code" ? [id] : []),
      sub: (name) => disk.sub(name),
    };
  };

  test("a functionary known by certificate alone (ITE-7), and one with another certificate", async () => {
    expect(
      codes(
        "demo.layout",
        "strict",
        await stranger("example.com.write-code.cert.pem", "example.com.write-code.key.pem"),
      ),
    ).toBe("allowed");
    expect(
      codes(
        "demo.layout",
        "strict",
        await stranger("example.com.intermediate.cert.pem", "example.com.intermediate.key.pem"),
      ),
    ).toBe("INTOTO_THRESHOLD");
    expect(
      codes(
        "demo.layout",
        "strict",
        await stranger("example.com.write-code.cert.pem", "example.com.intermediate.key.pem"),
      ),
    ).toBe("INTOTO_THRESHOLD");
  });

  test("a functionary known by certificate may sign no sublayout: there is no key to verify it with", async () => {
    const { key, signer } = parseSignerFile(read("example.com.write-code.key.pem"));
    const layout = JSON.parse(Buffer.from(read("sub_layout.70ca5750.link")).toString()) as {
      readonly signed: JsonObject;
    };
    const file = await signMetadata(layout.signed, [{ key, signer }], "metablock");
    const signatures = file.signatures.map((each) => ({
      ...each,
      cert: Buffer.from(read("example.com.write-code.cert.pem")).toString(),
    }));
    const bytes = Buffer.from(formatMetadata({ ...file, signatures } as SignedFile));
    const links: LinkSource = {
      open: (step, keyid8) => (step === "write-code" ? bytes : read(`${step}.${keyid8}.link`)),
      list: () => [key.keyid.slice(0, 8)],
      sub: () => links,
    };
    expect(
      codes("demo.layout", "strict", {
        ...links,
        open: (step, keyid8) => (step === "write-code" && keyid8 === "b7d643de" ? undefined : links.open(step, keyid8)),
      }),
    ).toBe("INTOTO_SUBLAYOUT_KEY");
  });

  test("a link of the wrong step under a functionary's name", () => {
    const other: LinkSource = {
      open: (step, keyid8) => (step === "package" ? read("write-code.b7d643de.link") : read(`${step}.${keyid8}.link`)),
      sub: () => other,
    };
    expect(codes("demo.layout", "strict", other)).toBe("INTOTO_THRESHOLD");
  });
});
