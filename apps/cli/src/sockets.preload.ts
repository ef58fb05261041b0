/**
 * For tests: `node --import sockets.preload.ts main.js …` counts every way out of the process (TCP, TLS, DNS, UDP,
 * fetch, child processes) and writes what was called, as a JSON list, to the file $SOCKETS_FILE names.
 */
import childProcess from "node:child_process";
import dgram from "node:dgram";
import dns from "node:dns";
import { writeFileSync } from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import { syncBuiltinESMExports } from "node:module";
import net from "node:net";
import tls from "node:tls";

const called: string[] = [];

function watch(place: object, name: string, label: string): void {
  const real = (place as Record<string, unknown>)[name];
  if (typeof real !== "function") return;
  const watched = function (this: unknown, ...words: unknown[]): unknown {
    called.push(label);
    return Reflect.apply(real, this, words);
  };
  (place as Record<string, unknown>)[name] = watched;
}

for (const name of ["connect", "createConnection", "createServer"]) watch(net, name, `net.${name}`);
for (const name of ["connect", "createServer"]) watch(tls, name, `tls.${name}`);
for (const name of ["request", "get"]) {
  watch(http, name, `http.${name}`);
  watch(https, name, `https.${name}`);
}
watch(http2, "connect", "http2.connect");
watch(net.Socket.prototype, "connect", "socket.connect");
watch(net.Server.prototype, "listen", "server.listen");
watch(dgram, "createSocket", "dgram.createSocket");
watch(dgram.Socket.prototype, "send", "dgram.send");
for (const [place, label] of [
  [dns, "dns"],
  [dns.promises, "dns.promises"],
  [dns.Resolver.prototype, "resolver"],
] as const) {
  for (const name of Object.getOwnPropertyNames(place)) {
    if (/^(lookup|resolve|reverse)/.test(name)) watch(place, name, `${label}.${name}`);
  }
}
for (const name of ["spawn", "exec", "execFile", "fork", "spawnSync", "execSync", "execFileSync"])
  watch(childProcess, name, name);
watch(globalThis, "fetch", "fetch");
watch(globalThis, "WebSocket", "WebSocket");
syncBuiltinESMExports();

const file = process.env["SOCKETS_FILE"];
process.once("exit", () => {
  if (file !== undefined) writeFileSync(file, JSON.stringify(called));
});
