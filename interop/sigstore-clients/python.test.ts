import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { describeClient } from "./client.ts";
import { installPython } from "./python.ts";

/** `npm run interop:sigstore-python` sets it: to install it takes a network and a minute. */
const isAsked = process.env["COUNTERSIGN_INTEROP"] === "sigstore-python";
const folder = mkdtempSync(join(tmpdir(), "countersign-python-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describeClient("sigstore-python", isAsked ? installPython(folder) : { missing: "not asked for" });
