export type { ListItem, ListOutcome } from "./lane.node.ts";
export {
  inspectList,
  laneItems,
  minItemsForThreads,
  openLanes,
  type LaneOptions,
  type Lanes,
  type ListOptions,
} from "./many.node.ts";
export {
  askTufJs,
  checkOpinion,
  collectReplay,
  recordFetcher,
  secondOpinionTimeoutMs,
  type TufOpinion,
  type TufReplay,
} from "./second-opinion-tuf.node.ts";
