import { makeHttp } from "@countersign/pipeline";
import type { Http } from "@countersign/sigstore";

/** The command's own way to call services, for tests of packages that may not import pipeline. */
export const loopbackHttp: Http = makeHttp((url, init) => fetch(url, init));
