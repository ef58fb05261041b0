import type { OutputChunk, OutputOptions, RolldownBuild } from "rolldown";

/** Commands that must start quickly, by their module. What more than one of them runs is a chunk that they share. */
const quick = {
  program: "/src/program.ts",
  verify: "/src/commands/verify.ts",
  layout: "/src/commands/layout/verify.ts",
  image: "/src/commands/image/verify.ts",
  update: "/src/commands/update/refresh.ts",
} as const;

/**
 * The options with few chunks for the commands that must start quickly: each is made of the modules that such a command runs and of
 * no others. To name a command's module alone would not do: with it comes whatever the indexes that it imports from lead to, used
 * or not.
 */
export async function withQuickChunks(bundle: RolldownBuild, options: OutputOptions): Promise<OutputOptions> {
  const { output } = await bundle.generate({ ...options, minify: false });
  const chunks = new Map(output.flatMap((file) => (file.type === "chunk" ? [[file.fileName, file] as const] : [])));
  const program = modulesOf(quick.program, chunks);
  const verify = modulesOf(quick.verify, chunks);
  const layout = modulesOf(quick.layout, chunks);
  const image = modulesOf(quick.image, chunks);
  const update = modulesOf(quick.update, chunks);
  const parts: Readonly<Record<string, (id: string) => boolean>> = {
    // With modules of Node: each is a line that loads it when it is asked for (builtins-on-use.ts), and would be a file.
    program: (id) =>
      program.has(id) || (id.startsWith("\0node:") && image.has(id) && (update.has(id) || layout.has(id))),
    proof: (id) => verify.has(id) && layout.has(id),
    verify: (id) => verify.has(id),
    // Without it `image verify` would load all of one of the next for a module that both have.
    common: (id) => image.has(id) && (layout.has(id) || update.has(id)),
    // Canonical JSON.
    signed: (id) => layout.has(id) && update.has(id),
    layout: (id) => layout.has(id),
    image: (id) => image.has(id) && ofImages.test(id),
    update: (id) => update.has(id) && ofUpdates.test(id),
  };
  // The first that a module fits. Rolldown takes a negative priority for a very high one.
  const groups = Object.entries(parts).map(([name, test], at, all) => ({ name, test, priority: all.length - at }));
  return { ...options, codeSplitting: { groups, includeDependenciesRecursively: false } };
}

/** Modules that no command needs which has nothing to do with images: the rest of what `image verify` runs, others share. */
const ofImages = /\/packages\/oci\/|\/(?:render-)?image[-.]|\/commands\/image\/|\/cli\/src\/registry\.ts|node:net$/;
/** Likewise of updates. */
const ofUpdates = /\/packages\/tuf\/|\/apps\/cli\/src\/(?:commands\/update\/|update-)/;

/** All that is loaded before the module can run, itself included. */
function modulesOf(ending: string, chunks: ReadonlyMap<string, OutputChunk>): Set<string> {
  const entry = [...chunks.values()].find(({ facadeModuleId }) => facadeModuleId?.endsWith(ending));
  if (entry === undefined) throw new Error(`no chunk begins with ${ending}`);
  const files = new Set([entry.fileName]);
  // A set also gives what is added while it is gone through.
  for (const file of files) for (const next of chunks.get(file)?.imports ?? []) files.add(next);
  return new Set([...files].flatMap((file) => chunks.get(file)?.moduleIds ?? []));
}
