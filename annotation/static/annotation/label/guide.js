/** The guidelines beside the work: open or closed as this person left them; examples play while they are seen. */

const NAME = "guidelines-open";
const guide = document.getElementById("guide");
const still = matchMedia("(prefers-reduced-motion: reduce)");

export function toggleGuide() {
  if (guide) guide.open = !guide.open;
}

if (guide) {
  const examples = [...guide.querySelectorAll("video")];
  const seen = new IntersectionObserver((changes) => {
    for (const { target, isIntersecting } of changes) {
      if (isIntersecting && guide.open && !still.matches) target.play().catch(() => {});
      else target.pause();
    }
  });
  guide.addEventListener("toggle", () => {
    localStorage.setItem(NAME, guide.open ? "yes" : "");
    for (const video of examples) {
      if (guide.open) seen.observe(video);
      else {
        seen.unobserve(video);
        video.pause();
      }
    }
  });
  guide.addEventListener("click", (event) => {
    const video = event.target.closest("figure")?.querySelector("video");
    if (!video) return;
    if (video.paused) video.play().catch(() => {});
    else video.pause();
  });
  guide.open = Boolean(localStorage.getItem(NAME));
}
