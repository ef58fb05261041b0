import type { KeyServiceAnswer, Protocol } from "./key-service.ts";

/** A Secret as the API server keeps it; entries in base64. */
export interface KubernetesSecret {
  readonly apiVersion: "v1";
  readonly kind: "Secret";
  readonly metadata: Readonly<Record<string, unknown>> & { readonly name: string; readonly namespace: string };
  readonly type: string;
  readonly immutable?: boolean;
  readonly data?: Readonly<Record<string, string>>;
}

/** What a cluster holds: Secrets by `namespace/name`, and the token that may read and write them (none: whoever comes). */
export interface KubernetesState {
  readonly token?: string;
  readonly secrets: Map<string, KubernetesSecret>;
}

/** Kubernetes' API of Secrets (core/v1): read, create and replace, as its reference and API conventions have them. */
export function kubernetesProtocol(state: KubernetesState): Protocol {
  let version = 1;
  return ({ method, path, headers, body }, fault) => {
    // The one request of cosign besides: which server this is.
    if (path.startsWith("/version")) return { status: 200, body: { major: "1", minor: "31", gitVersion: "v1.31.0" } };
    const form = /^\/api\/v1\/namespaces\/([a-z0-9-]+)\/secrets(?:\/([a-z0-9.-]+))?$/.exec(path);
    if (form === null) return failure(404, "NotFound", "the server could not find the requested resource");
    const isKnown = state.token === undefined || headers["authorization"] === `Bearer ${state.token}`;
    if (!isKnown) return failure(401, "Unauthorized", "Unauthorized");
    const [, namespace = "", name = ""] = form;
    if (method === "GET") {
      const found = state.secrets.get(`${namespace}/${name}`);
      if (found === undefined) return failure(404, "NotFound", `secrets "${name}" not found`);
      const metadata = fault === "other-name" ? { ...found.metadata, name: "other" } : found.metadata;
      return { status: 200, body: { ...found, metadata } };
    }
    if (!headers["content-type"]?.startsWith("application/json"))
      return failure(415, "UnsupportedMediaType", "not JSON");
    const sent = JSON.parse(body.toString("utf8")) as KubernetesSecret;
    const at = `${sent.metadata.namespace}/${sent.metadata.name}`;
    if (sent.kind !== "Secret" || sent.apiVersion !== "v1" || sent.metadata.namespace !== namespace)
      return failure(400, "BadRequest", "the object is not one of this path");
    const before = state.secrets.get(at);
    const refusal = method === "POST" ? created(before, name) : replaced(before, sent, name);
    if (refusal !== undefined) return refusal;
    const metadata = { ...before?.metadata, ...sent.metadata, resourceVersion: String(version++), uid: "5f0c" };
    const stored = { ...sent, type: sent.type ?? "Opaque", metadata };
    state.secrets.set(at, stored);
    return { status: method === "POST" ? 201 : 200, body: stored };
  };
}

function created(before: KubernetesSecret | undefined, name: string): KeyServiceAnswer | undefined {
  if (name !== "") return failure(405, "MethodNotAllowed", "POST names no Secret");
  return before && failure(409, "AlreadyExists", `secrets "${before.metadata.name}" already exists`);
}

function replaced(
  before: KubernetesSecret | undefined,
  sent: KubernetesSecret,
  name: string,
): KeyServiceAnswer | undefined {
  if (before === undefined || sent.metadata.name !== name)
    return failure(404, "NotFound", `secrets "${name}" not found`);
  const version = sent.metadata["resourceVersion"];
  if (version !== undefined && version !== before.metadata["resourceVersion"])
    return failure(409, "Conflict", "the object has been modified");
  if (before.immutable === true)
    return failure(422, "Invalid", "data: Forbidden: field is immutable when `immutable` is set");
  return undefined;
}

/** A Status object (API conventions, "Response Status Kind"). */
function failure(code: number, reason: string, message: string): KeyServiceAnswer {
  return {
    status: code,
    body: { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, reason, code },
  };
}
