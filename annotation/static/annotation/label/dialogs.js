/** The dialogs that send something: skip an item, flag a broken clip. Digits choose, Enter sends. */

const byId = (id) => document.getElementById(id);

/** @param send called with the reason; may reject */
export function skipDialog(send) {
  const dialog = byId("skip-dialog");
  digitsChoose(dialog, "reason");
  dialog.addEventListener("close", () => {
    if (dialog.returnValue !== "skip") return;
    const chosen = dialog.querySelector("[name=reason]:checked")?.value ?? "";
    const more = byId("skip-more").value.trim();
    byId("skip-more").value = "";
    send((more ? `${chosen}: ${more}` : chosen).slice(0, 200));
  });
  return () => open(dialog);
}

/** @param send called with the clip's id and the reason */
export function flagDialog(send) {
  const dialog = byId("flag-dialog");
  digitsChoose(dialog, "clip");
  dialog.addEventListener("close", () => {
    const clip = dialog.querySelector("[name=clip]:checked")?.value;
    if (dialog.returnValue === "flag" && clip) send(clip, byId("flag-reason").value);
  });
  /** Opens it for these clips, [{id, name}], the one at `index` chosen. */
  return (clips, index) => {
    const choices = clips.map(({ id, name }, n) => {
      const choice = byId("flag-template").content.cloneNode(true).firstElementChild;
      Object.assign(choice.querySelector("input"), { value: id, checked: n === index });
      choice.querySelector("kbd").textContent = n + 1;
      choice.querySelector("span").textContent = name;
      return choice;
    });
    byId("flag-clips").replaceChildren(...choices);
    open(dialog);
    choices[index].querySelector("input").focus();
  };
}

function open(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
}

function digitsChoose(dialog, name) {
  dialog.addEventListener("keydown", (event) => {
    const number = /^(?:Digit|Numpad)([1-9])$/.exec(event.code)?.[1];
    if (!number || event.target.matches("input:not([type=radio])")) return;
    const choice = dialog.querySelectorAll(`[name=${name}]`)[number - 1];
    if (!choice) return;
    choice.checked = true;
    choice.focus();
  });
  // On a list Enter would only open it.
  dialog.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.matches("select")) return;
    event.preventDefault();
    dialog.close(dialog.querySelector(".primary").value);
  });
}
