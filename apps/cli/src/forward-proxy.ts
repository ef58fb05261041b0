import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";

/** A proxy for plain http, which sends whatever it is asked for to one server, whose host need not exist. */
export interface ForwardProxy {
  readonly url: string;
  /** The addresses that it was asked for. */
  readonly asked: string[];
  readonly close: () => void;
}

/** `target` is the server's own address, which may be known later. */
export async function startForwardProxy(target: () => string): Promise<ForwardProxy> {
  const asked: string[] = [];
  const proxy = createServer((incoming, response) => {
    const { url = "", headers, method } = incoming;
    asked.push(url);
    const outgoing = request(`${target()}${new URL(url).pathname}`, { headers, method }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    incoming.pipe(outgoing);
  });
  await new Promise<void>((resolve) => void proxy.listen(0, "127.0.0.1", resolve));
  const close = (): void => {
    proxy.closeAllConnections();
    proxy.close();
  };
  return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, asked, close };
}
