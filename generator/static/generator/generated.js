// The page of generated clips: its part with the clips is fetched again until all of them can be played.

const box = document.getElementById("clips");
const POLL_MS = 2000;

async function look() {
  const answer = await fetch(box.dataset.url, { headers: { Accept: "text/html" } });
  if (!answer.ok) throw new Error(`${box.dataset.url}: ${answer.status}`);
  const html = await answer.text();
  if (box.lastHtml !== html) box.innerHTML = html;
  box.lastHtml = html;
}

const timer = setInterval(() => {
  if (box.querySelector("[data-complete=yes]")) clearInterval(timer);
  else if (!document.hidden) {
    look().catch((error) => console.warn("generated clips: will look again", error.message));
  }
}, POLL_MS);
