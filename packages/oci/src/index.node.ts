export * from "./credential.node.ts";
export { makeOciHttp, maxHeaderBytes, type ClientCertificate, type HttpOptions } from "./http.node.ts";
export * from "./layout.node.ts";
