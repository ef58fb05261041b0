import { parseTrustConfig, type TrustConfig } from "@countersign/sigstore";
import { readSmallFile } from "./input.node.ts";

/** Both documents of the file that `--trust-config` names. Throws CLI_FILE_* and SIGSTORE_TRUST_CONFIG_MALFORMED. */
export function readTrustConfig(path: string): TrustConfig {
  return parseTrustConfig(readSmallFile(path, "trust config"));
}
