/** Whether this machine keeps up with the clips that play, told by the frames that the browser dropped. */

const ENOUGH = 240; // frames, of all clips together, before a word is said
const TOO_MANY = 0.3; // of them dropped

export class Load {
  constructor(videos) {
    this.videos = videos;
    this.restart();
  }

  /** Forgets what was counted: after a seek or a change of speed, frames are dropped for other reasons. */
  restart() {
    this.before = this.#counted();
  }

  /** True once too large a share of the frames since the last word was dropped; starts anew with each word. */
  tooMuch() {
    const now = this.#counted();
    const due = now.due - this.before.due;
    if (due < ENOUGH) return false;
    const share = (now.dropped - this.before.dropped) / due;
    this.before = now;
    return share > TOO_MANY;
  }

  #counted() {
    const all = this.videos.map((video) => video.getVideoPlaybackQuality());
    const sum = (name) => all.reduce((total, one) => total + one[name], 0);
    return { due: sum("totalVideoFrames"), dropped: sum("droppedVideoFrames") };
  }
}

/** Indexes of the tiles by the row they stand in, top to bottom. */
export function rowsOf(tiles) {
  const rows = new Map();
  tiles.forEach((tile, n) => {
    const top = Math.round(tile.getBoundingClientRect().top);
    rows.set(top, [...(rows.get(top) ?? []), n]);
  });
  return [...rows.entries()].sort(([a], [b]) => a - b).map(([, indexes]) => indexes);
}
