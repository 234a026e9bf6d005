// Every operation of the Docker Engine API that is served. More exact paths stand before those that take in more.
import type { Operation } from '../operation.ts';
import { archiveIn, archiveInfo, archiveOut } from './containers/archive.ts';
import { attach } from './containers/attach.ts';
import { containerChanges } from './containers/changes.ts';
import { createContainer } from './containers/create.ts';
import { exportContainer } from './containers/export.ts';
import { inspectContainer } from './containers/inspect.ts';
import { kill } from './containers/kill.ts';
import { listContainers } from './containers/list.ts';
import { logs } from './containers/logs.ts';
import { pause, unpause } from './containers/pause.ts';
import { pruneContainers } from './containers/prune.ts';
import { removeContainer } from './containers/remove.ts';
import { rename } from './containers/rename.ts';
import { resizeContainer } from './containers/resize.ts';
import { restart } from './containers/restart.ts';
import { start } from './containers/start.ts';
import { stats } from './containers/stats.ts';
import { stop } from './containers/stop.ts';
import { top } from './containers/top.ts';
import { update } from './containers/update.ts';
import { wait } from './containers/wait.ts';
import { createExec } from './exec/create.ts';
import { inspectExec } from './exec/inspect.ts';
import { resizeExec } from './exec/resize.ts';
import { startExec } from './exec/start.ts';
import { commitContainer } from './images/commit.ts';
import { imageHistory } from './images/history.ts';
import { inspectImage } from './images/inspect.ts';
import { listImages } from './images/list.ts';
import { loadOperation } from './images/load.ts';
import { pruneImages } from './images/prune.ts';
import { createImage } from './images/pull.ts';
import { pushOperation } from './images/push.ts';
import { removeImage } from './images/remove.ts';
import { getImage, getImages } from './images/save.ts';
import { tagImage } from './images/tag.ts';
import { events } from './system/events.ts';
import { info } from './system/info.ts';
import { ping, pingHead } from './system/ping.ts';
import { version } from './system/version.ts';
import { createVolume } from './volumes/create.ts';
import { inspectVolume } from './volumes/inspect.ts';
import { listVolumes } from './volumes/list.ts';
import { pruneVolumes } from './volumes/prune.ts';
import { removeVolume } from './volumes/remove.ts';

export const operations: readonly Operation[] = [
  // system
  ping,
  pingHead,
  version,
  info,
  events,
  // containers
  createContainer,
  listContainers,
  pruneContainers,
  inspectContainer,
  start,
  stop,
  restart,
  kill,
  wait,
  logs,
  attach,
  resizeContainer,
  pause,
  unpause,
  rename,
  update,
  top,
  stats,
  containerChanges,
  exportContainer,
  archiveInfo,
  archiveOut,
  archiveIn,
  removeContainer,
  // exec
  createExec,
  startExec,
  inspectExec,
  resizeExec,
  // images
  listImages,
  createImage,
  pruneImages,
  getImages,
  loadOperation,
  commitContainer,
  inspectImage,
  imageHistory,
  pushOperation,
  tagImage,
  getImage,
  removeImage,
  // volumes
  listVolumes,
  createVolume,
  pruneVolumes,
  inspectVolume,
  removeVolume,
];
