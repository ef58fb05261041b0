export * from "./credential.node.ts";
export { makeOciHttp, type ClientCertificate, type HttpOptions } from "./http.node.ts";
export * from "./layout.node.ts";
export { maxHeaderBytes } from "./response-head.ts";
