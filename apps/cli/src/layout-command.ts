import {
  layoutGraphFlags,
  layoutInitFlags,
  layoutMockFlags,
  layoutRunFlags,
  layoutSignFlags,
  matchProductsFlags,
  recordStartFlags,
  recordStopFlags,
} from "./evidence-options.ts";
import type { CommandRow } from "./command.ts";

const group = "Supply chains:";

/** The commands below `layout` that make evidence and policy; `layout verify` stands in the main table. */
export const layoutRows: readonly CommandRow[] = [
  {
    path: "layout run",
    operands: "[command...]",
    says: "Carry out a step: record what it uses and makes, and sign that; ends with the command's own exit code",
    examples: [
      "countersign layout run -n build -k ada.pem -m src -p dist -- make all",
      "countersign layout run -n review -k bob.pem -m src",
    ],
    flags: layoutRunFlags,
    group,
    load: async () => (await import("./commands/layout/run.ts")).layoutRunCommand,
  },
  {
    path: "layout record start",
    says: "Begin a step of several commands: record what it uses",
    examples: ["countersign layout record start -n build -k ada.pem -m src"],
    flags: recordStartFlags,
    group,
    load: async () => (await import("./commands/layout/record.ts")).recordStartCommand,
  },
  {
    path: "layout record stop",
    says: "End a step that was begun with record start: record what it made, and sign both",
    examples: ["countersign layout record stop -n build -k ada.pem -p dist"],
    flags: recordStopFlags,
    group,
    load: async () => (await import("./commands/layout/record.ts")).recordStopCommand,
  },
  {
    path: "layout mock",
    operands: "[command...]",
    says: "As run, but write an unsigned link that no verification accepts, to see what would be recorded",
    examples: ["countersign layout mock -n build -m src -p dist -- make all"],
    flags: layoutMockFlags,
    group,
    load: async () => (await import("./commands/layout/mock.ts")).layoutMockCommand,
  },
  {
    path: "layout match-products",
    operands: "<link>",
    says: "Compare files with the products of a link: 0 the same, 1 different",
    examples: [
      "countersign layout match-products build.776a00e2.link --key ada.pub",
      "countersign layout match-products build.776a00e2.link --key ada.pub -p dist",
    ],
    flags: matchProductsFlags,
    group,
    load: async () => (await import("./commands/layout/match-products.ts")).matchProductsCommand,
  },
  {
    path: "layout init",
    operands: "<link...>",
    says: "Propose a layout under which these links pass, unsigned, for you to read and change",
    examples: ["countersign layout init *.link --functionary ada.pub bob.pub --product ."],
    flags: layoutInitFlags,
    group,
    load: async () => (await import("./commands/layout/init.ts")).layoutInitCommand,
  },
  {
    path: "layout sign",
    operands: "<file>",
    says: "Sign a layout or link, or check who did",
    examples: [
      "countersign layout sign root.layout --key owner.pem",
      "countersign layout sign root.layout --key second.pem --append",
      "countersign layout sign root.layout --verify --key owner.pub",
    ],
    flags: layoutSignFlags,
    group,
    load: async () => (await import("./commands/layout/sign.ts")).layoutSignCommand,
  },
  {
    path: "layout show",
    operands: "<file>",
    says: "Show what a layout or link says, without believing any of it",
    examples: ["countersign layout show root.layout", "countersign layout show build.776a00e2.link --json"],
    flags: [],
    group,
    load: async () => (await import("./commands/layout/show.ts")).layoutShowCommand,
  },
  {
    path: "layout lint",
    operands: "<file>",
    says: "Find what can never be met in a layout, and what protects less than it seems to: 1 if there is any",
    examples: ["countersign layout lint root.layout"],
    flags: [],
    group,
    load: async () => (await import("./commands/layout/lint.ts")).layoutLintCommand,
  },
  {
    path: "layout graph",
    operands: "<file>",
    says: "Draw the chain of a layout, as DOT, Mermaid or SVG",
    examples: [
      "countersign layout graph root.layout -o chain.svg",
      "countersign layout graph root.layout --report report.json -o chain.svg",
    ],
    flags: layoutGraphFlags,
    group,
    load: async () => (await import("./commands/layout/graph.ts")).layoutGraphCommand,
  },
];
