import http from "node:http";
import type { Socket } from "node:net";
import type { Inbox } from "./inbox.node.ts";

/** Who reads the answer that comes on a connection. */
const readers = new WeakMap<Socket, Inbox>();

/** How much is read from a connection at once, in bytes. */
const readBytes = 256 * 1024;

/** Says who reads the answer that comes on this connection now. */
export function setReader(socket: Socket, inbox: Inbox): void {
  readers.set(socket, inbox);
}

/**
 * Connections that read into one buffer, the same for all and for ever, and lend it to whoever waits for a body; everybody else gets a
 * copy. Otherwise Node allocates 64 KiB for each read, and collecting them takes longer than reading them.
 */
export function makeLendingAgent(): http.Agent {
  const buffer = Buffer.allocUnsafeSlow(readBytes);
  const callback = function (this: unknown, length: number): boolean {
    // Node calls it as a method of the connection.
    const socket = this as Socket;
    const bytes = buffer.subarray(0, length);
    const inbox = readers.get(socket);
    const isTaken = inbox?.receiveDirectly(bytes, socket);
    if (isTaken !== undefined) return isTaken;
    if (inbox?.isReady === true) inbox.lend(bytes, () => socket.emit("data", bytes));
    else socket.emit("data", Buffer.from(bytes));
    return true;
  };
  // The first three as Node's own global agent has them; what an agent does not know it hands to its connections.
  const options = { keepAlive: true, scheduling: "lifo", timeout: 5000, onread: { buffer, callback } } as const;
  return new http.Agent(options);
}
