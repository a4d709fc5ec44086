/** Small pieces that all panels make. */

export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

export function make(tag, className = "", textContent = "") {
  return Object.assign(document.createElement(tag), { className, textContent });
}

export function note(kind, text) {
  const box = make("div", `note ${kind}`);
  box.append(make("p", "", text));
  return box;
}
