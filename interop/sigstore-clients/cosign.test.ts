import { afterAll } from "vitest";
import { describeClient } from "./client.ts";
import { buildCosign, cosignClient } from "./cosign.ts";

/** `npm run interop:cosign` sets it: to fetch and build cosign takes a network and minutes. */
const isAsked = process.env["COUNTERSIGN_INTEROP"] === "cosign";
const cosign = isAsked ? buildCosign() : { missing: "not asked for", remove: (): void => {} };
afterAll(() => cosign.remove());

describeClient("cosign", "missing" in cosign ? cosign : cosignClient(cosign));
