import { quote } from "@countersign/core";
import { completeBundle, type Bundle } from "@countersign/sigstore";
import type { BundleOptions } from "./bundle-options.ts";
import { cliError } from "./errors.ts";
import { http, sleep } from "./http.ts";
import { useNetwork } from "./network.node.ts";
import type { Terminal } from "./terminal.ts";

/** The bundle with what the log that was named knows of it; as it is if none was. Opens sockets only then. */
export async function withLookup(bundle: Bundle, options: BundleOptions, terminal: Terminal): Promise<Bundle> {
  const { rekorUrl, key } = options;
  if (rekorUrl === undefined) {
    if (key === undefined) return bundle;
    throw cliError("CLI_OPTION_CONFLICT", { checked: "--key", expected: "--rekor-url beside it" });
  }
  if (!/^https?:\/\//.test(rekorUrl))
    throw cliError("CLI_USAGE", { checked: "--rekor-url", expected: "an https address", got: quote(rekorUrl) });
  useNetwork(terminal);
  const spki = key === undefined ? undefined : await spkiOf(key, terminal);
  return completeBundle({ http, sleep }, { url: rekorUrl, spki }, bundle);
}

async function spkiOf(reference: string, terminal: Terminal): Promise<Uint8Array> {
  const { keyIoOf, verifierOf } = await import("./key.ts");
  return (await verifierOf(reference, keyIoOf({}, terminal))).spki;
}
