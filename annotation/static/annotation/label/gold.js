/** What a person is told after a gold item: right or wrong in each dimension, why, and how the round goes. */

import { fill } from "./words.js";

const SIGNS = { best: "▲", worst: "▼" };

/** Shows what the answer to a submission says of gold, if anything; resolves when the person goes on. */
export function tell(gold, item, texts) {
  if (!gold) return Promise.resolve();
  const dialog = make("dialog", "gold");
  dialog.setAttribute("aria-labelledby", "gold-title");
  const wrong = Object.values(gold.right).includes(false);
  const title = make("h2", "", wrong ? texts.wrong : texts.right);
  title.id = "gold-title";
  dialog.append(title, make("p", "", texts.known), answers(gold, item, texts));
  if (gold.explanation) dialog.append(make("p", "note", gold.explanation));
  if (gold.trial) dialog.append(make("p", "round", round(gold, texts)));
  const form = make("form");
  form.method = "dialog";
  const on = make("button", "primary", `${texts.on} `);
  on.append(make("kbd", "", "Enter"));
  form.append(on);
  dialog.append(form);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve();
    });
  });
}

function answers(gold, item, texts) {
  const list = make("ul", "plain-list");
  for (const { key, name } of item.dimensions) {
    if (!(key in gold.right)) continue;
    const right = gold.right[key];
    const row = make("li", right ? "right" : "wrong");
    row.append(
      make("span", `badge ${right ? "good" : "bad"}`, right ? `✓ ${texts.isRight}` : `✗ ${texts.isWrong}`),
      ` ${name}: ${known(gold.known[key], item, texts)}`,
    );
    list.append(row);
  }
  return list;
}

function known(answer, item, texts) {
  if (answer.expected) {
    const said = item.clips.flatMap(({ id }, n) =>
      id in answer.expected ? [fill(texts.expected, { n: n + 1, score: answer.expected[id] })] : [],
    );
    return `${said.join(", ")}${answer.tolerance ? ` (${fill(texts.giveOrTake, { n: answer.tolerance })})` : ""}`;
  }
  if (answer.side) return texts.side[answer.side];
  if (answer.tie) return texts.tie;
  return ["best", "worst"]
    .filter((side) => answer[side]?.length)
    .map((side) => {
      const numbers = item.clips.flatMap(({ id }, n) => (answer[side].includes(id) ? [n + 1] : []));
      return `${SIGNS[side]} ${texts[side]} ${numbers.join(" ")}`;
    })
    .join(", ");
}

function round(gold, texts) {
  return `${fill(texts.round, gold)} ${texts.result[gold.qualification] ?? ""}`.trim();
}

function make(tag, className = "", text = "") {
  return Object.assign(document.createElement(tag), { className, textContent: text });
}
