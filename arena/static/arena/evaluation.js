/** An evaluation's page: how far it is, asked for again while it is at work. */

const POLL_MS = 3000;
const box = document.getElementById("progress");

async function look() {
  if (document.visibilityState === "visible" && !box.contains(document.activeElement)) {
    try {
      const answer = await fetch(box.dataset.url, { credentials: "same-origin" });
      if (answer.ok && !answer.redirected) put(await answer.text());
    } catch {
      // the server restarts, or the network is away: the next look finds it
    }
  }
  if (box.firstElementChild.dataset.ended === "no") setTimeout(look, POLL_MS);
}

/** What is open stays open. */
function put(html) {
  const open = [...box.querySelectorAll("details")].map((details) => details.open);
  box.innerHTML = html;
  for (const [place, details] of box.querySelectorAll("details").entries()) details.open = open[place] ?? false;
}

setTimeout(look, POLL_MS);
