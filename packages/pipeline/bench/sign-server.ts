/** A local Sigstore in a process of its own, which adds up how long its requests took; `take` asks for the sum and forgets it. */
import { subscribe } from "node:diagnostics_channel";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { startLocalSigstore } from "@countersign/local-sigstore";

let busyMs = 0;
const began = new WeakMap<object, number>();
subscribe("http.server.request.start", (message) => {
  began.set((message as { readonly request: object }).request, performance.now());
});
subscribe("http.server.response.finish", (message) => {
  const start = began.get((message as { readonly request: object }).request);
  if (start !== undefined) busyMs += performance.now() - start;
});

const [folder = "."] = process.argv.slice(2);
const sigstore = await startLocalSigstore();
writeFileSync(join(folder, "trusted_root.json"), sigstore.trustedRootBytes);
writeFileSync(join(folder, "signing_config.json"), sigstore.signingConfigBytes);
writeFileSync(join(folder, "token.jwt"), await sigstore.token({ email: "bench@example.com", expiresInSeconds: 3600 }));
process.on("message", () => {
  process.send?.(busyMs);
  busyMs = 0;
});
process.once("disconnect", () => process.exit());
process.send?.("ready");
