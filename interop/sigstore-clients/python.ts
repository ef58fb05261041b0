import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { predicateType, type Found } from "./client.ts";

/** The version that docs/interop.md names. */
const pinned = "4.5.1";

/** Installs sigstore-python into a virtual environment of its own below `folder`, or takes the one that COUNTERSIGN_SIGSTORE_PYTHON names. */
export function installPython(folder: string): Found {
  const given = givenPython();
  if (!("missing" in given)) return given;
  const venv = join(folder, "venv");
  try {
    execFileSync("python3", ["-m", "venv", venv], { stdio: "pipe" });
    execFileSync(join(venv, "bin", "python"), ["-m", "pip", "install", "--quiet", `sigstore==${pinned}`], {
      stdio: "pipe",
    });
  } catch (error) {
    return { missing: `it cannot be installed: ${(error as Error).message.split("\n")[0]}` };
  }
  return pythonClient(join(venv, "bin", "sigstore"), pinned);
}

/** The program `sigstore` of sigstore-python that COUNTERSIGN_SIGSTORE_PYTHON names. */
export function givenPython(): Found {
  const program = process.env["COUNTERSIGN_SIGSTORE_PYTHON"];
  if (program === undefined) return { missing: "COUNTERSIGN_SIGSTORE_PYTHON names none" };
  const said = execFileSync(program, ["--version"], { encoding: "utf8" });
  return pythonClient(program, said.trim().split(" ").at(-1) ?? "");
}

function pythonClient(program: string, version: string): Found {
  return {
    version,
    sign: async ({ file, bundle, predicate }, lab) => {
      const words =
        predicate === undefined ? ["sign"] : ["attest", "--predicate", predicate, "--predicate-type", predicateType];
      const how = ["--identity-token", await lab.token(), "--bundle", bundle, "--overwrite"];
      return lab.run(program, "--trust-config", lab.path("trust_config.json"), ...words, ...how, file);
    },
    upgrade: (bundle, lab) =>
      lab.run(program, "plumbing", "fix-bundle", "--bundle", bundle, "--upgrade-version", "--in-place"),
    verify: ({ file, bundle, identity }, lab) => {
      const who = ["--cert-identity", identity ?? lab.identity, "--cert-oidc-issuer", lab.url];
      const words = ["--trust-config", lab.path("trust_config.json"), "verify", "identity"];
      return lab.run(program, ...words, "--bundle", bundle, ...who, file);
    },
  };
}
