import { utf8, type Json } from "@countersign/core";
import { describe, expect, test } from "vitest";
import { formatDescriptor, formatPlatform, maxAnnotations, readDescriptor } from "./descriptor.ts";
import { maxIndexEntries, maxLayers, ociIndexType, ociManifestType, parseManifest } from "./manifest.ts";
import { choosePlatforms, maxPlatforms, parsePlatforms } from "./platform.ts";

const code = (name: string): unknown => expect.objectContaining({ name: "TrustError", code: name });
const digest = `sha256:${"1".repeat(64)}`;
const descriptor = { mediaType: "application/octet-stream", digest, size: 1 };
const bytes = (value: unknown): Uint8Array => utf8(JSON.stringify(value));
const image = { schemaVersion: 2, mediaType: ociManifestType, config: descriptor, layers: [descriptor] };
const index = { schemaVersion: 2, mediaType: ociIndexType, manifests: [descriptor] };

describe("manifests", () => {
  test("an image, its kind by artifactType or by its config", () => {
    expect(parseManifest(bytes(image))).toMatchObject({ kind: "image", artifactType: "application/octet-stream" });
    const artifact = { ...image, artifactType: "a/b", subject: descriptor, annotations: { x: "y" } };
    const parsed = parseManifest(bytes(artifact), `${ociManifestType}; charset=utf-8`);
    expect(parsed).toMatchObject({ artifactType: "a/b", subject: { digest } });
    expect(parsed.annotations.get("x")).toBe("y");
  });

  test("without a mediaType the header decides, then the content", () => {
    const { mediaType: _, ...bare } = image;
    expect(parseManifest(bytes(bare)).kind).toBe("image");
    expect(parseManifest(bytes({ schemaVersion: 2, manifests: [] })).mediaType).toBe(ociIndexType);
    expect(parseManifest(bytes(bare), "application/json").kind).toBe("image");
  });

  test.each<[string, unknown, string | undefined]>([
    ["OCI_MANIFEST_TYPE", { ...image, schemaVersion: 1 }, undefined],
    ["OCI_MANIFEST_TYPE", { ...image, mediaType: "application/vnd.docker.distribution.manifest.v1+json" }, undefined],
    ["OCI_MANIFEST_TYPE", image, ociIndexType],
    ["OCI_MANIFEST_MALFORMED", { ...image, manifests: [] }, undefined],
    ["OCI_MANIFEST_MALFORMED", { ...image, config: { ...descriptor, size: -1 } }, undefined],
    ["OCI_MANIFEST_MALFORMED", { ...image, config: { ...descriptor, size: 1.5 } }, undefined],
    ["OCI_MANIFEST_MALFORMED", { ...image, config: { ...descriptor, size: 2 ** 60 } }, undefined],
    ["OCI_MANIFEST_MALFORMED", { ...image, config: { ...descriptor, digest: "md5:00" } }, undefined],
    ["OCI_MANIFEST_MALFORMED", { ...image, config: { ...descriptor, mediaType: "nothing" } }, undefined],
    ["OCI_MANIFEST_MALFORMED", { ...image, annotations: { x: 1 } }, undefined],
    ["OCI_MANIFEST_MALFORMED", { ...image, annotations: [] }, undefined],
    [
      "OCI_MANIFEST_MALFORMED",
      { ...image, layers: Array.from({ length: maxLayers + 1 }, () => descriptor) },
      undefined,
    ],
    ["OCI_MANIFEST_MALFORMED", [], undefined],
    // Go reads the last of them: runtimes would run another image than the one that was judged.
    ["OCI_MANIFEST_MALFORMED", { ...index, Manifests: [] }, undefined],
    ["OCI_MANIFEST_MALFORMED", { ...index, "manife\u017fts": [] }, undefined],
    ["OCI_MANIFEST_MALFORMED", { ...index, Layers: [], Config: descriptor }, undefined],
    ["OCI_MANIFEST_MALFORMED", { ...index, manifests: [{ ...descriptor, Digest: descriptor.digest }] }, undefined],
    [
      "OCI_MANIFEST_MALFORMED",
      { ...index, manifests: [{ ...descriptor, platform: { os: "linux", architecture: "amd64", OS: "x" } }] },
      undefined,
    ],
  ])("refuses with %s: %j as %s", (name, value, contentType) => {
    expect(() => parseManifest(bytes(value), contentType)).toThrow(code(name));
  });

  test("O9: caps on annotations and on entries of an index", () => {
    const many = Object.fromEntries(Array.from({ length: maxAnnotations + 1 }, (_, n) => [`a${n}`, "x"]));
    expect(() => parseManifest(bytes({ ...image, annotations: many }))).toThrow(code("OCI_MANIFEST_MALFORMED"));
    const index = { schemaVersion: 2, manifests: Array.from({ length: maxIndexEntries + 1 }, () => 1) };
    expect(() => parseManifest(bytes(index))).toThrow(code("OCI_MANIFEST_MALFORMED"));
  });

  test("a descriptor is written as it was read", () => {
    const full: Json = {
      ...descriptor,
      artifactType: "a/b",
      annotations: { x: "y" },
      platform: { architecture: "arm", os: "linux", variant: "v7", "os.version": "1" },
    };
    const parsed = readDescriptor(full, "x");
    expect(formatDescriptor(parsed)).toEqual(full);
    expect(parsed.platform && formatPlatform(parsed.platform)).toBe("linux/arm/v7");
  });
});

describe("platforms", () => {
  const entry = (os: string, architecture: string, variant?: string): object => ({
    ...descriptor,
    platform: { os, architecture, ...(variant !== undefined && { variant }) },
  });
  const indexOf = (...manifests: readonly object[]) => {
    const parsed = parseManifest(bytes({ schemaVersion: 2, mediaType: ociIndexType, manifests }));
    if (parsed.kind !== "index") throw new Error("an index");
    return parsed;
  };
  const index = indexOf(
    entry("linux", "amd64"),
    entry("linux", "arm", "v6"),
    entry("linux", "arm", "v7"),
    entry("unknown", "unknown"),
    {
      ...descriptor,
      annotations: { "vnd.docker.reference.type": "attestation-manifest" },
    },
  );

  const has = ({ platform }: { readonly platform?: object }): boolean => platform !== undefined;

  test.each<[string, readonly string[], string]>([
    ["another spelling of the architecture", ["linux", "x86_64"], "linux/amd64"],
    ["another case", ["Linux", "AMD64"], "linux/amd64"],
    ["no operating system", ["", "amd64"], "linux/amd64"],
    ["a variant more", ["linux", "amd64", "v3"], "linux/amd64"],
    ["no variant where one is usual", ["linux", "arm64"], "linux/arm64/v8"],
    ["the usual variant where none is said", ["linux", "aarch64", "8"], "linux/arm64/v8"],
    ["armhf", ["linux", "armhf"], "linux/arm/v7"],
    ["macos", ["macos", "arm64"], "darwin/arm64"],
  ])("what a runtime would run for it is meant as well: %s", (_, [os = "", architecture = "", variant], wanted) => {
    const both = indexOf(entry(os, architecture, variant), entry(...(wanted.split("/") as [string, string, string?])));
    expect(choosePlatforms(both, parsePlatforms(wanted))).toHaveLength(2);
  });

  test("what has no platform, or only says that it is an attestation, is meant as well", () => {
    const hidden = indexOf(
      { ...entry("linux", "amd64"), annotations: { "vnd.docker.reference.type": "attestation-manifest" } },
      entry("linux", "amd64"),
      descriptor,
    );
    expect(choosePlatforms(hidden, "all")).toHaveLength(3);
    expect(choosePlatforms(hidden, parsePlatforms("linux/amd64"))).toHaveLength(3);
    expect(() => choosePlatforms(indexOf(descriptor), parsePlatforms("linux/amd64"))).toThrow(
      code("OCI_PLATFORM_MISSING"),
    );
  });

  test("root, all that can run, or those named", () => {
    expect(choosePlatforms(index, parsePlatforms("root"))).toHaveLength(0);
    expect(choosePlatforms(index, parsePlatforms("all"))).toHaveLength(4);
    expect(choosePlatforms(index, parsePlatforms("linux/arm"))).toHaveLength(3);
    expect(choosePlatforms(index, parsePlatforms("linux/amd64,linux/arm/v7")).filter(has)).toHaveLength(2);
    expect(() => choosePlatforms(index, parsePlatforms("windows/amd64"))).toThrow(code("OCI_PLATFORM_MISSING"));
  });

  test("refuses other texts, and too many", () => {
    for (const text of ["", "linux", "linux/a/b/c", "linux/amd64,", "LINUX/amd64", "linux/../x"])
      expect(() => parsePlatforms(text)).toThrow(code("OCI_PLATFORM_MALFORMED"));
    const large = indexOf(...Array.from({ length: maxPlatforms + 1 }, () => entry("linux", "amd64")));
    expect(() => choosePlatforms(large, "all")).toThrow(code("OCI_TOO_MANY"));
  });
});
