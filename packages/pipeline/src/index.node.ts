export { laneItems, type ListItem, type ListOutcome } from "./lane.node.ts";
export {
  inspectList,
  minItemsForThreads,
  openLanes,
  type LaneOptions,
  type Lanes,
  type ListOptions,
} from "./many.node.ts";
