/**
 * The one player: N native videos on one clock.
 *
 * The clock is a position in seconds on the longest clip's time line. While it runs, each video plays natively
 * and is nudged towards it; when it stands, each video is sought to the middle of the frame that belongs to the
 * position (a seek to a frame's edge may show its neighbour). A shorter clip holds its last frame until the end.
 * Frame times are measured ones, so nothing here multiplies by a frame rate.
 *
 * Where a machine can't play all at once they play in turn: one group runs with the clock while the others wait,
 * and at the end the next group starts. When the clock stands, all videos are on its position all the same.
 */

export const SPEEDS = [0.1, 0.25, 0.5, 1, 1.5, 2];
const STALL = 0.5; // seconds without a tick (a hidden tab, a busy machine) that the clock does not count
const NUDGE_FROM = 0.012; // seconds off the clock at which the speed is adjusted
const SEEK_FROM = 0.2; // seconds off the clock at which that would take too long
const HAVE_CURRENT_DATA = 2;
const HAVE_FUTURE_DATA = 3;

export class Player extends EventTarget {
  /**
   * @param videos the <video> elements
   * @param clips for each, {duration, frame_times}: seconds, ascending, the first at 0
   * Events: "time" (position changed), "state" (playing, loop, speed, groups or the turn changed).
   */
  constructor(videos, clips) {
    super();
    this.videos = videos;
    this.clips = clips;
    this.duration = Math.max(...clips.map((clip) => clip.duration));
    this.moments = momentsOf(clips);
    this.playing = false;
    this.loop = true;
    this.speed = 1;
    this.played = 0; // seconds that the clock ran
    this.position = 0;
    this.last = null; // time stamp of the frame before, while the clock runs
    this.runs = 0; // of the clock so far; what an older one left behind stops by it
    this.closed = false;
    this.groups = [videos.map((_video, n) => n)]; // indexes that play together; one group after the other
    this.turn = 0;
    for (const video of videos) {
      video.muted = true;
      video.playsInline = true;
      video.disableRemotePlayback = true;
    }
    this.ready = Promise.all(videos.map(loaded)).then(() => this.#tell("time"));
  }

  /** Lets these groups of indexes play one after the other; what is in no group stands while the clock runs. */
  setGroups(groups) {
    this.groups = groups;
    this.turn = Math.min(this.turn, groups.length - 1);
    this.#tell("state");
  }

  /** Whether the video at this index runs with the clock now. */
  follows(index) {
    return this.groups[this.turn].includes(index);
  }

  toggle() {
    return this.playing ? this.pause() : this.play();
  }

  async play() {
    if (this.playing) return;
    this.playing = true;
    this.#tell("state");
    if (this.position >= this.#end()) await this.#place(0);
    if (this.playing) this.#run();
  }

  /** Stops, with every video on the frame of one common position. */
  async pause() {
    this.playing = false;
    this.last = null;
    for (const video of this.videos) video.pause();
    this.#tell("state");
    await this.#place(this.position);
  }

  /** Goes to a position in seconds; resolves when every video shows its frame there. */
  async seek(seconds) {
    const mine = ++this.runs;
    await this.#place(seconds);
    if (this.playing && mine === this.runs) this.#run();
  }

  /** Stops and goes to the next moment at which any clip shows another frame (or the one before). */
  async step(direction) {
    if (this.playing) await this.pause();
    const now = lastAtOrBefore(this.moments, this.position);
    const index = Math.min(Math.max(now + direction, 0), this.moments.length - 1);
    await this.#place(middle(this.moments, index, this.duration));
  }

  setLoop(loop) {
    this.loop = loop;
    this.#tell("state");
  }

  setSpeed(speed) {
    this.speed = speed;
    this.#tell("state");
  }

  faster(direction) {
    const index = SPEEDS.indexOf(this.speed) + direction;
    if (SPEEDS[index]) this.setSpeed(SPEEDS[index]);
  }

  /** The number of the frame that a clip shows at the position. */
  frameOf(clip) {
    return lastAtOrBefore(clip.frame_times, this.position);
  }

  close() {
    this.closed = true;
    this.playing = false;
    for (const video of this.videos) {
      video.pause();
      video.removeAttribute("src");
      video.load();
    }
  }

  #end() {
    return this.moments[this.moments.length - 1];
  }

  #run() {
    const mine = ++this.runs;
    this.last = null;
    const tick = (now) => {
      if (!this.playing || this.closed || mine !== this.runs) return;
      const late = this.#late();
      if (late.size) {
        // All wait for those that have no data yet, so that nobody runs ahead. These must be left playing: one
        // that ran out of frames and is paused may never have enough again.
        this.last = null;
        for (const video of this.videos) if (!late.has(video)) video.pause();
      } else {
        if (this.last !== null) {
          const passed = (now - this.last) / 1000;
          if (passed < STALL) {
            this.position += passed * this.speed;
            this.played += passed;
          }
        }
        this.last = now;
        if (this.position >= this.duration) return void this.#atEnd();
        this.videos.forEach((video, n) => (this.follows(n) ? this.#follow(video, this.clips[n]) : video.pause()));
        this.#tell("time");
      }
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  async #atEnd() {
    const over = this.turn + 1 >= this.groups.length;
    if (over && !this.loop) {
      this.position = this.#end();
      return this.pause();
    }
    this.turn = over ? 0 : this.turn + 1;
    this.#tell("state");
    await this.seek(0);
  }

  /** The videos that run with the clock and can't yet. */
  #late() {
    const late = this.videos.filter((video, n) => {
      if (!this.follows(n) || video.ended) return false;
      const over = this.position >= this.clips[n].duration - 0.25;
      return video.seeking || video.readyState < (over ? HAVE_CURRENT_DATA : HAVE_FUTURE_DATA);
    });
    for (const video of late) if (video.paused && !video.seeking) video.play().catch(() => {});
    return new Set(late);
  }

  #follow(video, clip) {
    const last = clip.frame_times[clip.frame_times.length - 1];
    if (this.position >= last) {
      if (!video.paused) video.pause();
      const held = middle(clip.frame_times, clip.frame_times.length - 1, clip.duration);
      if (video.currentTime < last) video.currentTime = held;
      return;
    }
    const ahead = video.currentTime - this.position;
    if (Math.abs(ahead) > SEEK_FROM * Math.max(1, this.speed)) {
      video.currentTime = this.position;
      return;
    }
    const nudge = Math.abs(ahead) < NUDGE_FROM ? 0 : Math.min(Math.max(ahead * 4, -0.5), 0.5);
    const rate = this.speed * (1 - nudge);
    if (Math.abs(video.playbackRate - rate) > 0.005) video.playbackRate = rate;
    // One that is at its end already would begin anew.
    if (video.paused && !video.ended) video.play().catch(() => {});
  }

  async #place(seconds) {
    this.position = Math.min(Math.max(seconds, 0), this.#end() + 1e-6);
    this.#tell("time");
    await Promise.all(
      this.videos.map((video, n) => {
        const { frame_times: times, duration } = this.clips[n];
        return sought(video, middle(times, lastAtOrBefore(times, this.position), duration));
      }),
    );
  }

  #tell(name) {
    this.dispatchEvent(new Event(name));
  }
}

/** All times at which some clip shows another frame; those within a millisecond are one. */
export function momentsOf(clips) {
  const times = clips.flatMap((clip) => clip.frame_times).sort((a, b) => a - b);
  return times.filter((time, n) => n === 0 || time - times[n - 1] > 0.001);
}

/** Index of the last of the ascending times that is not after `at`; 0 if all are. */
export function lastAtOrBefore(times, at) {
  let low = 0;
  let high = times.length - 1;
  while (low < high) {
    const mid = (low + high + 1) >> 1;
    if (times[mid] <= at + 1e-4) low = mid;
    else high = mid - 1;
  }
  return low;
}

/** The middle of the frame at an index: between its time and the next one's, or the end. */
export function middle(times, index, duration) {
  const until = index + 1 < times.length ? times[index + 1] : Math.max(duration, times[index] + 0.002);
  return (times[index] + until) / 2;
}

function loaded(video) {
  if (video.readyState >= HAVE_CURRENT_DATA) return Promise.resolve();
  return new Promise((resolve, reject) => {
    video.addEventListener("loadeddata", resolve, { once: true });
    video.addEventListener("error", () => reject(video.error), { once: true });
  });
}

function sought(video, seconds) {
  if (Math.abs(video.currentTime - seconds) < 1e-4 && !video.seeking) return Promise.resolve();
  return new Promise((resolve) => {
    video.addEventListener("seeked", resolve, { once: true });
    video.addEventListener("error", resolve, { once: true });
    video.currentTime = seconds;
  });
}
