export { laneItems, type ListItem, type ListOutcome } from "./lane.node.ts";
export { inspectList, minItemsForThreads, type ListOptions } from "./many.node.ts";
