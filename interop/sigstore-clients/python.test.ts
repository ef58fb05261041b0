import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { describeClient, predicateType, type Found } from "./client.ts";

/** `npm run interop:sigstore-python` sets it: to install it takes a network and a minute. */
const isAsked = process.env["COUNTERSIGN_INTEROP"] === "sigstore-python";
/** The version that docs/interop.md names. */
const version = "4.5.1";
const folder = mkdtempSync(join(tmpdir(), "countersign-python-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describeClient("sigstore-python", isAsked ? install() : { missing: "not asked for" });

function install(): Found {
  const venv = join(folder, "venv");
  const program = join(venv, "bin", "sigstore");
  try {
    execFileSync("python3", ["-m", "venv", venv], { stdio: "pipe" });
    execFileSync(join(venv, "bin", "python"), ["-m", "pip", "install", "--quiet", `sigstore==${version}`], {
      stdio: "pipe",
    });
  } catch (error) {
    return { missing: `it cannot be installed: ${(error as Error).message.split("\n")[0]}` };
  }
  return {
    version,
    sign: async ({ file, bundle, predicate }, lab) => {
      const words =
        predicate === undefined ? ["sign"] : ["attest", "--predicate", predicate, "--predicate-type", predicateType];
      const how = ["--identity-token", await lab.token(), "--bundle", bundle, "--overwrite"];
      return lab.run(program, "--trust-config", lab.path("trust_config.json"), ...words, ...how, file);
    },
    verify: ({ file, bundle, identity }, lab) => {
      const who = ["--cert-identity", identity ?? lab.identity, "--cert-oidc-issuer", lab.url];
      const words = ["--trust-config", lab.path("trust_config.json"), "verify", "identity"];
      return lab.run(program, ...words, "--bundle", bundle, ...who, file);
    },
  };
}
