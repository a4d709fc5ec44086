/** Uploading clips: each file by itself, with its progress and what became of it. */

import { csrfToken } from "../workbench/api.js";

const texts = JSON.parse(document.getElementById("upload-texts").textContent);
const form = document.getElementById("upload");
const files = document.getElementById("files");
const drop = document.getElementById("drop");
const counts = { taken: 0, there: 0, refused: 0 };
let queue = Promise.resolve();

function add(list) {
  const facts = new FormData(form);
  for (const [name, value] of [...facts]) if (value === "") facts.delete(name);
  for (const file of list) {
    const row = newRow(file.name);
    queue = queue.then(() => send(file, facts, row));
  }
  files.value = "";
}

function newRow(name) {
  document.getElementById("report").hidden = false;
  const row = document.createElement("tr");
  const progress = Object.assign(document.createElement("progress"), { max: 1, value: 0 });
  progress.setAttribute("aria-label", name);
  const result = Object.assign(document.createElement("td"), { textContent: texts.waiting });
  const bar = document.createElement("td");
  bar.append(progress);
  row.append(Object.assign(document.createElement("td"), { textContent: name }), bar, result);
  document.getElementById("rows").append(row);
  return { row, progress, result };
}

/** XMLHttpRequest, since fetch tells nothing of an upload's progress. */
function send(file, facts, { row, progress, result }) {
  return new Promise((resolve) => {
    const body = new FormData();
    for (const [name, value] of facts) body.append(name, value);
    body.append("file", file);
    const request = new XMLHttpRequest();
    request.open("POST", form.dataset.url);
    request.setRequestHeader("X-CSRFToken", csrfToken());
    request.responseType = "json";
    result.textContent = texts.sending;
    request.upload.addEventListener("progress", (event) => {
      progress.value = event.loaded / event.total;
      if (event.loaded === event.total) result.textContent = texts.checking;
    });
    request.addEventListener("load", () => {
      progress.value = 1;
      done(row, result, request.status, request.response ?? {});
      resolve();
    });
    request.addEventListener("error", () => {
      done(row, result, 0, {});
      resolve();
    });
    request.send(body);
  });
}

function done(row, result, status, answer) {
  const kind = status === 201 ? "taken" : status === 200 ? "there" : "refused";
  counts[kind] += 1;
  row.dataset.result = kind;
  const badge = Object.assign(document.createElement("span"), { className: `badge ${kind === "refused" ? "bad" : "good"}` });
  badge.textContent = kind === "refused" ? "✕" : "✓";
  result.replaceChildren(badge, ` ${sentence(kind, status, answer)} `);
  if (answer.clip) {
    const link = Object.assign(document.createElement("a"), { textContent: texts.look });
    link.href = `${form.dataset.page}${answer.clip.id}/`;
    result.append(link);
  }
  const summary = document.getElementById("summary");
  summary.hidden = false;
  summary.textContent = texts.summary.replace(/\{(\w+)\}/g, (_whole, name) => counts[name]);
}

function sentence(kind, status, answer) {
  if (kind === "taken") return texts.taken;
  if (kind === "there") {
    return answer.differs.length ? texts.differs.replace("{fields}", answer.differs.join(", ")) : texts.there;
  }
  return answer.detail || (status === 0 ? texts.offline : texts.failed);
}

files.addEventListener("change", () => add(files.files));
form.addEventListener("submit", (event) => event.preventDefault());
for (const name of ["dragover", "dragleave", "drop"]) {
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", name === "dragover");
    if (name === "drop") add(event.dataTransfer.files);
  });
}
