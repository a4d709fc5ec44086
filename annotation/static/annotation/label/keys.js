/** From keys to acts. Keys are read by their place (`code`), so that layouts and input methods don't matter. */

const LETTERS = {
  // judging
  KeyU: ["undo"],
  KeyK: ["skip"],
  KeyB: ["flag"],
  KeyI: ["guide"],
  // playing
  KeyL: ["loop"],
  KeyO: ["turns"],
  BracketLeft: ["slower"],
  BracketRight: ["faster"],
  Home: ["to", 0],
  End: ["to", 1],
  // looking
  KeyG: ["mode", "grid"],
  Escape: ["mode", "grid"],
  KeyS: ["mode", "solo"],
  KeyF: ["mode", "flicker"],
  KeyW: ["mode", "wipe"],
  KeyE: ["mode", "difference"],
  KeyA: ["automatic"],
  KeyP: ["peek"],
  Digit0: ["zoom", 0],
  Numpad0: ["zoom", 0],
};
const REPEATABLE = {
  Comma: ["back"],
  Period: ["on"],
  Equal: ["zoom", 1],
  NumpadAdd: ["zoom", 1],
  Minus: ["zoom", -1],
  NumpadSubtract: ["zoom", -1],
};
const ARROWS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

/**
 * Calls act(name, value) for each key that means something; keys for a field or a dialog are left to it.
 * @param first asked before the others what a key event means; null: nothing of its own
 */
export function listen(act, first) {
  document.addEventListener("keydown", (event) => {
    const name = meaning(event, first);
    if (!name) return;
    event.preventDefault();
    act(...name);
  });
  // A button that was clicked would take the next space for itself.
  document.addEventListener("click", (event) => {
    if (event.detail > 0) event.target.closest?.("button, input[type=range]")?.blur();
  });
}

function meaning(event, first) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return null;
  if (document.querySelector("dialog[open]")) return null;
  const target = event.target;
  if (target.closest("input:not([type=range]), textarea, select")) return null;
  const { code } = event;
  if (target.type === "range" && (code in ARROWS || code === "Home" || code === "End")) return null;
  const onControl = target.closest("button, a, summary") && !target.closest(".choose");
  const own = first(event);
  if (own) return own;
  if (event.key === "?" || (code === "Slash" && event.shiftKey)) return ["help"];
  if (code in ARROWS) return arrow(...ARROWS[code], event.shiftKey);
  if (code === "KeyD") return ["dimension", event.shiftKey ? -1 : 1];
  if (code === "KeyQ") return ["choose", event.shiftKey ? 1 : 0];
  if (code === "Space" && !onControl) return ["play"];
  if (code.endsWith("Enter") && !onControl) return event.repeat ? null : ["submit"];
  if (code in REPEATABLE) return REPEATABLE[code];
  return code in LETTERS && !event.repeat ? LETTERS[code] : null;
}

function arrow(x, y, shift) {
  if (shift) return ["pan", [x, y]];
  return y ? ["dimension", y] : ["across", x];
}
