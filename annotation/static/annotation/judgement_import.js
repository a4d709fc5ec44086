/** Sends the form without leaving the page, so that the file stays chosen for the second press. */

const form = document.getElementById("import");
const unsent = document.getElementById("unsent");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = new FormData(form, event.submitter);
  const buttons = [...form.querySelectorAll("button")];
  for (const button of buttons) button.disabled = true;
  unsent.hidden = true;
  try {
    const answer = await fetch(form.action, { method: "POST", body, credentials: "same-origin" });
    if (answer.redirected) {
      location.assign(answer.url);
      return;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.getElementById("report").replaceChildren(...page.getElementById("report").childNodes);
    for (const old of form.querySelectorAll(".errors, .errorlist")) old.remove();
    const errors = [...page.querySelectorAll("#import .errors, #import .errorlist")];
    document.getElementById("report").prepend(...errors);
    if (event.submitter?.name !== "store") form.querySelector("[name=store]").focus();
  } catch {
    unsent.hidden = false; // not reached, or an error's page in place of this one
  } finally {
    for (const button of buttons) button.disabled = false;
  }
});
