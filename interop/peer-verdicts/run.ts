import { askPeer, readVectors, type NamedVector, type PeerVerdict } from "./peer.ts";

// A report, not a test: what another verifier does is not ours to fail on. See README.md beside this file.
const judged = readVectors().map((each) => ({ ...each, peer: askPeer(each.vector) }));
const attacks = judged.filter(({ vector }) => vector.expect !== "ok");
const honest = judged.filter(({ vector }) => vector.expect === "ok");
list(
  "attacks that the peer accepts",
  attacks.filter(({ peer }) => peer.kind === "accepts"),
);
list(
  "attacks on which the peer breaks with an error that is not its own",
  attacks.filter(({ peer }) => peer.kind === "breaks"),
);
list(
  "bundles that are accepted here and refused by the peer",
  honest.filter(({ peer }) => peer.kind !== "accepts"),
);

function list(title: string, rows: readonly (NamedVector & { readonly peer: PeerVerdict })[]): void {
  process.stdout.write(`\n${title}: ${rows.length}\n`);
  for (const { name, vector, peer } of rows) {
    process.stdout.write(
      `  ${name}: ${vector.about} (here: ${vector.expect})${peer.says === "" ? "" : `\n    peer: ${peer.says}`}\n`,
    );
  }
}
