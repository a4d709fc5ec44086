/** The clips of the next item, loaded and decoded to their first frame while this item is judged. */

const loading = new Map(); // address -> <video>

/** Fetches these clips and lets go of all others; resolves when they are here. */
export async function fetchAhead(addresses) {
  for (const address of loading.keys()) if (!addresses.includes(address)) forget(address);
  await Promise.all(
    addresses.map(async (address) => {
      if (loading.has(address)) return;
      loading.set(address, null);
      try {
        // Whole and at low priority, so that nothing is taken from the clips that play; the player finds it cached.
        await (await fetch(address, { priority: "low", credentials: "same-origin" })).arrayBuffer();
        if (loading.has(address)) loading.set(address, videoOf(address));
      } catch {
        loading.delete(address);
      }
    }),
  );
}

/** A video of this address that began to load before, to be used once; else undefined. */
export function take(address) {
  const video = loading.get(address);
  loading.delete(address);
  return video ?? undefined;
}

function videoOf(address) {
  const video = document.createElement("video");
  Object.assign(video, { muted: true, playsInline: true, preload: "auto", src: address });
  return video;
}

function forget(address) {
  const video = loading.get(address);
  loading.delete(address);
  video?.removeAttribute("src");
  video?.load();
}
