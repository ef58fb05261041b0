import {
  cosignAttestFlags,
  cosignSignFlags,
  cosignVerifyAttestationFlags,
  cosignVerifyFlags,
} from "./cosign-options.ts";
import {
  attestFlags,
  devFaultFlags,
  devTokenFlags,
  devUpFlags,
  doctorFlags,
  signFlags,
  verifyFlags,
  type AttestOptions,
  type DevOptions,
  type DoctorOptions,
  type SignOptions,
  type VerifyOptions,
} from "./options.ts";
import { bundleRows } from "./bundle-command.ts";
import type { Flag } from "./flag.ts";
import { imageRows } from "./image-command.ts";
import { keyRows } from "./key-command.ts";
import { layoutRows } from "./layout-command.ts";
import { layoutVerifyFlags } from "./layout-options.ts";
import { repoRows } from "./repo-command.ts";
import { trustRows } from "./trust-command.ts";
import type { Terminal } from "./terminal.ts";
import { updateRows } from "./update-command.ts";

/** Every option that any command knows; each command names the few that it reads. */
export type Options = VerifyOptions & SignOptions & AttestOptions & DevOptions & DoctorOptions;

/** What a command does; the number is the exit code. Failures are thrown. */
export type Action = (operands: readonly string[], options: Options, terminal: Terminal) => Promise<number>;

/** One command of the tree, as data. Its code is loaded only when it runs. */
export interface CommandRow {
  /** Words that lead to it: `dev up`. */
  readonly path: string;
  readonly operands?: string;
  readonly says: string;
  readonly examples: readonly string[];
  readonly flags: readonly Flag[];
  readonly group: string;
  readonly load: () => Promise<Action>;
}

const main = "The main job:";
const look = "Look closer:";
const chain = "Supply chains:";
const local = "A Sigstore of your own:";
const shell = "Set up:";
const dropIn = "Drop-in for cosign:";

const identityExample = [
  "",
  "    --certificate-identity https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1.0",
  "    --certificate-oidc-issuer https://token.actions.githubusercontent.com",
].join(" \\\n");

/** The command tree, in the order of the help. */
export const commandTable: readonly CommandRow[] = [
  {
    path: "sign",
    operands: "<file...>",
    says: "Sign files; writes <file>.sigstore.json beside each",
    examples: [
      "countersign sign release.tgz",
      "countersign sign release.tgz --key release.pem",
      "countersign sign *.tgz --identity-token token.jwt --yes",
    ],
    flags: signFlags,
    group: main,
    load: async () => (await import("./commands/sign.ts")).signCommand,
  },
  {
    path: "attest",
    operands: "[file...]",
    says: "Sign a statement about files: provenance, an SBOM, a scan; writes <file>.<type>.sigstore.json",
    examples: [
      "countersign attest release.tgz --provenance",
      "countersign attest release.tgz --type spdxjson --predicate sbom.spdx.json",
      "countersign attest a.tgz b.tgz --statement statement.json --bundle release.intoto.json --key release.pem",
    ],
    flags: attestFlags,
    group: main,
    load: async () => (await import("./commands/attest.ts")).attestCommand,
  },
  {
    path: "verify",
    operands: "[artifact...]",
    says: "Decide whether files, - (standard input) or sha256:<hex> were signed by whom you name",
    examples: [
      `countersign verify release.tgz${identityExample}`,
      "countersign verify release.tgz --key release.pub",
      "countersign verify release.tgz --key release.pub --type slsaprovenance1",
      "countersign verify sha256:0123… --bundle release.tgz.sigstore.json --key release.pub",
      "countersign verify release.tgz --bundles alice.sigstore.json bob.sigstore.json --policy two.yaml",
      "countersign verify *.tgz --key release.pub --format junit > report.xml",
      "countersign verify release.tgz --checksums checksums.txt --key release.pub",
    ],
    flags: verifyFlags,
    group: main,
    load: async () => (await import("./commands/verify.ts")).verifyCommand,
  },
  {
    path: "inspect",
    operands: "<bundle>",
    says: "Show what a bundle claims, without believing any of it",
    examples: ["countersign inspect release.tgz.sigstore.json", "countersign sign app -o - | countersign inspect -"],
    flags: [],
    group: look,
    load: async () => (await import("./commands/inspect.ts")).inspectCommand,
  },
  ...bundleRows,
  {
    path: "doctor",
    says: "Check what signing and verifying need on this machine; without --online it opens no socket",
    examples: ["countersign doctor", "countersign doctor --json"],
    flags: doctorFlags,
    group: look,
    load: async () => (await import("./commands/doctor.ts")).doctorCommand,
  },
  {
    path: "layout verify",
    says: "Decide whether the links of a supply chain meet its layout; run it in the directory of the final product",
    examples: [
      "countersign layout verify --layout root.layout --key owner.pub",
      "countersign layout verify --layout root.layout --key owner.pub --link-dir links --allow-inspections --json",
    ],
    flags: layoutVerifyFlags,
    group: chain,
    load: async () => (await import("./commands/layout/verify.ts")).layoutVerifyCommand,
  },
  ...imageRows,
  ...layoutRows,
  ...keyRows,
  ...repoRows,
  ...updateRows,
  {
    path: "dev up",
    says: "Run a whole Sigstore on this machine until Ctrl-C, and print the flags to use it",
    examples: ["countersign dev up", "countersign dev up --dir ./sigstore --port 8080"],
    flags: devUpFlags,
    group: local,
    load: async () => (await import("./commands/dev.ts")).devUpCommand,
  },
  {
    path: "dev token",
    says: "Print a token of the running local Sigstore for any subject",
    examples: [
      "countersign dev token --email me@example.com > token.jwt",
      "countersign dev token --subject https://ci.example/build/1",
    ],
    flags: devTokenFlags,
    group: local,
    load: async () => (await import("./commands/dev.ts")).devTokenCommand,
  },
  {
    path: "dev fault",
    operands: "[service] [kind]",
    says: "Make a service of the running local Sigstore misbehave; none forgets all faults",
    examples: [
      "countersign dev fault rekor wrong-checkpoint",
      "countersign dev fault tsa status",
      "countersign dev fault none",
    ],
    flags: devFaultFlags,
    group: local,
    load: async () => (await import("./commands/dev.ts")).devFaultCommand,
  },
  ...trustRows,
  {
    path: "completion",
    operands: "<shell>",
    says: "Print the completion script for bash, zsh, fish or powershell",
    examples: [
      "source <(countersign completion bash)",
      "countersign completion fish > ~/.config/fish/completions/countersign.fish",
    ],
    flags: [],
    group: shell,
    load: async () => (await import("./commands/completion.ts")).completionCommand,
  },
  {
    path: "version",
    says: "Print the version",
    examples: ["countersign version --json"],
    flags: [],
    group: shell,
    load: async () => (await import("./commands/version.ts")).versionCommand,
  },
  {
    path: "help",
    operands: "[topic...]",
    says: "Explain a command, or one of the topics exit-codes and environment",
    examples: ["countersign help verify", "countersign help exit-codes", "countersign help environment"],
    flags: [],
    group: shell,
    load: async () => (await import("./commands/help.ts")).helpCommand,
  },
  {
    path: "sign-blob",
    operands: "<file...>",
    says: "The same as sign, with cosign's spelling",
    examples: ["countersign sign-blob --bundle=app.sigstore.json app --yes"],
    flags: [...signFlags, ...cosignSignFlags],
    group: dropIn,
    load: async () => (await import("./commands/cosign.ts")).signBlobCommand,
  },
  {
    path: "verify-blob",
    operands: "[artifact...]",
    says: "The same as verify, with cosign's spelling; patterns must match the whole value",
    examples: ["countersign verify-blob --bundle=app.sigstore.json --key=app.pub app"],
    flags: [...verifyFlags, ...cosignVerifyFlags],
    group: dropIn,
    load: async () => (await import("./commands/cosign.ts")).verifyBlobCommand,
  },
  {
    path: "attest-blob",
    operands: "[file...]",
    says: "The same as attest, with cosign's spelling; --type is custom unless given",
    examples: ["countersign attest-blob --predicate=p.json --type=slsaprovenance1 --bundle=app.att.json app --yes"],
    flags: [...attestFlags, ...cosignAttestFlags],
    group: dropIn,
    load: async () => (await import("./commands/cosign.ts")).attestBlobCommand,
  },
  {
    path: "verify-blob-attestation",
    operands: "[artifact...]",
    says: "The same as verify --type, with cosign's spelling; --type is custom unless given",
    examples: ["countersign verify-blob-attestation --bundle=app.att.json --type=slsaprovenance1 --key=app.pub app"],
    flags: [...verifyFlags, ...cosignVerifyFlags, ...cosignVerifyAttestationFlags],
    group: dropIn,
    load: async () => (await import("./commands/cosign.ts")).verifyBlobAttestationCommand,
  },
];
