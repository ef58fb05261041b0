import { afterAll, beforeAll, expect, test } from "vitest";
import { pushImage, startRegistry, type TestRegistry } from "@countersign/testkit";
import { setLayoutStage, signedPart, type LayoutStage } from "./layout-stage.ts";
import { openRegistry } from "./registry.ts";
import type { Terminal } from "./terminal.ts";

let stage: LayoutStage;
let server: TestRegistry;
let ada: ReturnType<LayoutStage["makeKey"]>;

beforeAll(async () => {
  stage = setLayoutStage();
  server = await startRegistry();
  ada = stage.makeKey("ada");
});
afterAll(async () => {
  await server.close();
  stage.close();
});

/** Pushes an image whose content is the text; its digest. */
function push(text: string): Promise<string> {
  const registry = openRegistry({}, [], { env: {} } as unknown as Terminal);
  return pushImage(registry, { registry: server.host, repository: "team/app" }, text, "1.0");
}

test("an image is recorded by its digest, and a later one under the same tag is another", async () => {
  const name = `oci:${server.host}/team/app:1.0`;
  const first = await push("one");
  const build = ["run", "-n", "build", "-k", ada.secret, "-p", name, "-q"];
  expect(await stage.layout(build)).toEqual({ code: 0, stdout: "", stderr: "" });
  const [file = ""] = stage.list().filter((each) => each.startsWith("build."));
  expect(signedPart(stage.read(file))["products"]).toEqual({ [name]: { sha256: first.replace("sha256:", "") } });
  const same = ["match-products", file, "--key", ada.public, "-p", name];
  expect(await stage.layout(same)).toMatchObject({ code: 0 });
  await push("two");
  expect(await stage.layout(same)).toMatchObject({ code: 1 });
  const pinned = `oci:${server.host}/team/app@${first}`;
  expect(await stage.layout(["run", "-n", "ship", "-k", ada.secret, "-m", pinned, "-q"])).toMatchObject({ code: 0 });
});

test("an image that is not there, and a name that is none, leave no link", async () => {
  const run = (image: string): Promise<unknown> =>
    stage.layout(["run", "-n", "odd", "-k", ada.secret, "-m", image, "--", "touch", "ran"]);
  expect(await run(`oci:${server.host}/team/nothing:1.0`)).toMatchObject({ code: 3 });
  expect(await run("oci:Not A Name")).toMatchObject({ code: 2 });
  expect(stage.list().filter((each) => each.startsWith("odd.") || each === "ran")).toEqual([]);
});
