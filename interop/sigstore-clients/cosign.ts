import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { predicateType, type Client, type Job } from "./client.ts";
import type { Lab } from "./lab.ts";

/** cosign's program and version, or why it cannot be had. */
export type Cosign = { readonly program: string; readonly version: string } | { readonly missing: string };

const module = "github.com/sigstore/cosign/v3";
const buildTimeoutMs = 1_800_000;

/** Builds cosign as go.mod pins it, or takes the one that COUNTERSIGN_COSIGN names. Remove what was built when done. */
export function buildCosign(): Cosign & { readonly remove: () => void } {
  const here = fileURLToPath(new URL(".", import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), "countersign-cosign-"));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const run = (...argv: readonly string[]) =>
    spawnSync("go", argv, { cwd: here, encoding: "utf8", timeout: buildTimeoutMs });
  const given = givenCosign();
  if ("program" in given) return { ...given, remove };
  if (run("version").status !== 0) return { missing: "no Go on the PATH", remove };
  const program = join(folder, "cosign");
  const built = run("build", "-buildvcs=false", "-trimpath", "-o", program, `${module}/cmd/cosign`);
  if (built.status !== 0) return { missing: `go build: ${built.stderr.trim().split("\n").at(-1) ?? ""}`, remove };
  return { program, version: run("list", "-m", "-f", "{{.Version}}", module).stdout.trim(), remove };
}

/** The cosign that COUNTERSIGN_COSIGN names. */
export function givenCosign(): Cosign {
  const program = process.env["COUNTERSIGN_COSIGN"];
  if (program === undefined) return { missing: "COUNTERSIGN_COSIGN names none" };
  const { stdout } = spawnSync(program, ["version", "--json"], { encoding: "utf8" });
  return { program, version: (JSON.parse(stdout) as { gitVersion: string }).gitVersion };
}

/** cosign as a client for files. */
export function cosignClient({ program, version }: { readonly program: string; readonly version: string }): Client {
  const attested = ({ predicate }: Job): boolean => predicate !== undefined;
  return {
    version,
    keys: true,
    sign: async (job, lab) => {
      const words = attested(job)
        ? ["attest-blob", "--predicate", job.predicate ?? "", "--type", predicateType]
        : ["sign-blob"];
      return lab.run(program, ...words, job.file, "--bundle", job.bundle, ...(await signedBy(job, lab)));
    },
    verify: (job, lab) => {
      const words = attested(job) ? ["verify-blob-attestation", "--type", predicateType] : ["verify-blob"];
      return lab.run(program, ...words, job.file, "--bundle", job.bundle, ...expectedOf(job, lab), ...lab.trust);
    },
  };
}

async function signedBy({ key }: Job, lab: Lab): Promise<readonly string[]> {
  return key === undefined ? lab.keyless() : [...lab.signing, "--key", key.secret];
}

function expectedOf({ key, identity }: Job, lab: Lab): readonly string[] {
  if (key !== undefined) return ["--key", key.public];
  return ["--certificate-identity", identity ?? lab.identity, "--certificate-oidc-issuer", lab.url];
}
