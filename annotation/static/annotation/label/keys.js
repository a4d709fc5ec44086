/** From keys to acts. Keys are read by their place (`code`), so that layouts and input methods don't matter. */

const LETTERS = {
  KeyT: "tie",
  KeyC: "cant_judge",
  KeyL: "loop",
  KeyU: "undo",
  KeyK: "skip",
  KeyY: "yes",
  KeyN: "no",
  KeyX: "cant_tell",
  Comma: "back",
  Period: "on",
  BracketLeft: "slower",
  BracketRight: "faster",
};
const ARROWS = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 };

/** Calls act(name, value) for each key that means something; keys for a field or a dialog are left to it. */
export function listen(act) {
  document.addEventListener("keydown", (event) => {
    const name = meaning(event);
    if (!name) return;
    event.preventDefault();
    act(...name);
  });
  // A button that was clicked would take the next space for itself.
  document.addEventListener("click", (event) => {
    if (event.detail > 0) event.target.closest?.("button, input[type=range]")?.blur();
  });
}

function meaning(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return null;
  if (document.querySelector("dialog[open]")) return null;
  const target = event.target;
  if (target.closest("input:not([type=range]), textarea, select")) return null;
  if (target.type === "range" && event.code in ARROWS) return null;
  const onControl = target.closest("button, a") && !target.closest(".choose");
  const digit = /^(?:Digit|Numpad)([1-8])$/.exec(event.code)?.[1];
  if (digit) return [event.shiftKey ? "worst" : "best", Number(digit)];
  if (event.key === "?" || (event.code === "Slash" && event.shiftKey)) return ["help"];
  if (event.code === "KeyD") return ["dimension", event.shiftKey ? -1 : 1];
  if (event.code in ARROWS) return ["dimension", ARROWS[event.code]];
  if (event.code === "Space" && !onControl) return ["play"];
  if (event.code.endsWith("Enter") && !onControl) return event.repeat ? null : ["submit"];
  return event.code in LETTERS && !event.repeat ? [LETTERS[event.code]] : repeatable(event);
}

function repeatable(event) {
  return ["Comma", "Period"].includes(event.code) ? [LETTERS[event.code]] : null;
}
