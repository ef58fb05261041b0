import { inTotoError } from "./errors.ts";
import type { P224Backend } from "./p224.ts";

/** No browser offers P-224; where it does not, such a key is refused, not passed over. */
export const backend: P224Backend = {
  openKey: () => {
    throw inTotoError("INTOTO_KEY_UNSUPPORTED", { checked: "P-224 key", expected: "Node" });
  },
  openSecretKey: () => undefined,
  weakHash: (name) => {
    throw inTotoError("INTOTO_KEY_UNSUPPORTED", { checked: `signature with ${name}`, expected: "Node" });
  },
  openAnyCurve: () => {
    throw inTotoError("INTOTO_KEY_UNSUPPORTED", { checked: "EC key with the hash of another curve", expected: "Node" });
  },
};
