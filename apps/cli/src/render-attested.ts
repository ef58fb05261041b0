import type { Told } from "./commands/attest.ts";
import { claimLines, claimsOf, plain, row } from "./render-text.ts";
import type { Terminal } from "./terminal.ts";

/** A new attestation in words: about what, by whom, and which fields of a provenance somebody else stands for. */
export function formatAttestedText({ reports, path, marks }: Told, terminal: Terminal): string {
  const names = reports.map(({ artifact }) => plain(artifact.name)).join(", ");
  const place = path === "-" ? "standard output" : plain(path);
  const [first] = reports;
  const lines = [
    `${terminal.style("green", "attested:")} ${names} into ${place}`,
    ...(first === undefined ? [] : claimsOf(first).flatMap(claimLines)),
    ...(marks?.proved ?? []).map((field) => row("proved", `${field}, by the certificate`)),
    ...(marks?.stated ?? []).map((field) => row("stated", `${field}, by the signer alone`)),
    "",
  ];
  return lines.join("\n");
}
