import type { KeyServiceAnswer, Protocol } from "./key-service.ts";

/** What a GitLab holds: CI/CD variables of one project or group, and the token that may read them. */
export interface GitlabState {
  readonly token: string;
  readonly holder: "projects" | "groups";
  /** Its full path. */
  readonly owner: string;
  readonly id: number;
  readonly variables: Readonly<Record<string, string>>;
}

/** GitLab's REST API, version 4: "Get a single variable" of projects and groups, as its documentation has them. */
export function gitlabProtocol(state: GitlabState): Protocol {
  return ({ method, path, headers, body }, fault) => {
    const form = /^\/api\/v4\/(projects|groups)\/([^/?]+)\/variables\/(\w+)$/.exec(path);
    if (form === null || method !== "GET" || body.length > 0)
      return { status: 400, body: { error: "no such request" } };
    if (headers["private-token"] !== state.token) return { status: 401, body: { message: "401 Unauthorized" } };
    const [, holder, owner = "", name = ""] = form;
    const isOwner = [String(state.id), state.owner].includes(decodeURIComponent(owner));
    if (holder !== state.holder || !isOwner) return notFound(holder === "projects" ? "Project" : "Group");
    const value = state.variables[name];
    if (value === undefined) return notFound("Variable");
    const key = fault === "other-name" ? "OTHER" : name;
    const flags = {
      protected: false,
      masked: false,
      hidden: false,
      raw: false,
      environment_scope: "*",
      description: null,
    };
    return { status: 200, body: { variable_type: "env_var", key, value, ...flags } };
  };
}

function notFound(what: string): KeyServiceAnswer {
  return { status: 404, body: { message: `404 ${what} Not Found` } };
}
