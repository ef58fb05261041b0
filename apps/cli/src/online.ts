import { loadInstance } from "@countersign/pipeline";
import { quote } from "@countersign/core";
import { parseSigningConfig, selectServices, type Service } from "@countersign/sigstore";
import { http } from "./http.ts";
import { useNetwork } from "./network.node.ts";
import { symptomOf, type Symptom } from "./symptom.ts";
import type { Terminal } from "./terminal.ts";

const timeoutMs = 10_000;
const maxBytes = 1024 * 1024;

/** Asks each service that a signer of the public-good instance would use whether it answers at all. Opens sockets. */
export async function checkServices(terminal: Terminal): Promise<readonly Symptom[]> {
  const { signingConfig } = await loadInstance("public-good");
  if (signingConfig === undefined) return [];
  useNetwork(terminal);
  const config = parseSigningConfig(new TextEncoder().encode(signingConfig));
  const { fulcio, oidc, rekor, tsa } = selectServices(config, terminal.now().getTime());
  const services = [fulcio, oidc, ...rekor, ...tsa].filter((service) => service !== undefined);
  return Promise.all(services.map(checkService));
}

/** Any answer will do: this is about names, routes and certificates, not about what the service thinks of us. */
export function checkService({ url }: Pick<Service, "url">): Promise<Symptom> {
  const name = "service";
  return symptomOf(name, async () => {
    const { status } = await http({ method: "GET", url, headers: {}, timeoutMs, maxBytes });
    return { name, result: "good", detail: `${quote(url)} answers (${status})` };
  });
}
