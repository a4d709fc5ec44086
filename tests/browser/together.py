"""Whether clips that play show one common moment, by what the browser says that it presented."""

from typing import Any

import numpy as np

# Notes what each video presented last, at every moment at which one presents a frame while none is sought.
TOGETHER = """() => {
  const videos = [...document.querySelectorAll('.clip video')];
  const last = [];
  window.together = [];
  videos.forEach((video, n) => {
    const note = (now, frame) => {
      last[n] = frame.mediaTime;
      if (!videos.some((one) => one.seeking) && Object.keys(last).length === videos.length) {
        if (window.together.at(-1)?.now === now) window.together.pop();
        window.together.push({ now, times: [...last] });
      }
      if (videos.some((one) => one.seeking)) last.length = 0;
      video.requestVideoFrameCallback(note);
    };
    video.requestVideoFrameCallback(note);
  });
}"""


def frames_apart(clips: list[dict[str, Any]], times: list[float]) -> float:
    """By how many seconds no moment of the clock fits all that is shown, each clip allowed one frame off."""
    earliest, latest = [], []
    for clip, at in zip(clips, times, strict=True):
        starts = clip["frame_times"]
        index = int(np.argmin([abs(start - at) for start in starts]))
        frame = max(np.diff(starts))
        earliest.append(starts[index] - frame)
        latest.append((starts[index + 1] if index + 1 < len(starts) else np.inf) + frame)
    return float(max(earliest) - min(latest))
