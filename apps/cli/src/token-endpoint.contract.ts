import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** GitHub's token endpoint on loopback, with the variables by which a job finds it. */
export interface TokenEndpoint {
  readonly variables: Readonly<Record<string, string>>;
  readonly close: () => void;
}

const bearer = "token-of-the-runner";

/** Starts one; `token` makes a token for an audience. */
export async function startTokenEndpoint(token: (audience: string) => Promise<string>): Promise<TokenEndpoint> {
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? "/", "http://localhost");
    const audience = searchParams.get("audience");
    if (request.headers.authorization !== `bearer ${bearer}` || audience === null) {
      response.writeHead(401).end();
      return;
    }
    token(audience).then(
      (value) => response.end(JSON.stringify({ value })),
      () => response.writeHead(500).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    variables: {
      ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${port}/token?api-version=2.0`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: bearer,
    },
    close: () => server.close(),
  };
}
