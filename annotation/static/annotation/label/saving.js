/**
 * Nothing that was judged is lost: drafts are saved one after the other, and a submission stays in this browser
 * until the server has it. Sent again it carries the same key, so the server stores it once.
 */

import { ApiError, call } from "../../workbench/api.js";

const RETRY_AFTER = 5000;
const LET_GO_AFTER = 1000; // ms

/**
 * Saves the newest answers; while a save is on its way, only the newest of those that follow is kept. Until the
 * server has them they are in this browser too, in case it is closed without a connection.
 */
export class Drafts {
  constructor(item, tell) {
    this.url = `/api/label/${item.assignment}/draft`;
    this.name = `unsaved-draft-${item.assignment}`;
    this.version = item.draft_version;
    this.tell = tell; // ("saving" | "saved" | "offline" | "conflict", error)
    this.waiting = null;
    this.busy = false;
    this.closed = false;
    this.unsure = false; // whether the server has a save that was aborted
  }

  /** Answers that this browser kept and the server never got, and saves them now; else null. */
  recovered() {
    const { answers, version } = JSON.parse(localStorage.getItem(this.name)) ?? {};
    if (!answers || version !== this.version) return null;
    this.save(answers);
    return answers;
  }

  save(answers) {
    this.waiting = answers;
    localStorage.setItem(this.name, JSON.stringify({ answers, version: this.version }));
    if (!this.busy) this.saving = this.#next();
  }

  /** A submission carries the answers: what is on its way gets a moment to arrive, then it is let go. */
  async close() {
    this.closed = true;
    this.waiting = null;
    clearTimeout(this.timer);
    localStorage.removeItem(this.name);
    if (!this.busy) return;
    await Promise.race([this.saving, new Promise((over) => setTimeout(over, LET_GO_AFTER))]);
    if (!this.busy) return;
    this.unsure = true;
    this.sent.abort();
  }

  /** The submission was refused: saves these answers, and goes on. */
  async reopen(answers) {
    await this.saving;
    this.closed = false;
    this.save(answers);
  }

  async #next() {
    if (this.waiting === null || this.closed) return;
    const answers = this.waiting;
    this.waiting = null;
    this.busy = true;
    this.tell("saving");
    try {
      this.sent = new AbortController();
      const saved = await call("PUT", this.url, { answers, draft_version: this.version }, this.sent.signal);
      this.version = saved.draft_version;
      this.unsure = false;
      if (this.waiting === null || this.closed) localStorage.removeItem(this.name);
      else localStorage.setItem(this.name, JSON.stringify({ answers: this.waiting, version: this.version }));
      if (!this.closed) this.tell("saved");
    } catch (error) {
      if (this.closed) {
        this.busy = false;
        return;
      }
      if (error.status === 409 && this.unsure && error.body.draft_version === this.version + 1) {
        // The save that was aborted had arrived.
        this.version = error.body.draft_version;
        this.unsure = false;
        this.waiting ??= answers;
      } else if (error.status === 409) {
        this.waiting = null;
        localStorage.removeItem(this.name);
        this.tell("conflict", error);
      } else {
        this.waiting ??= answers;
        this.tell("offline", error);
        this.busy = false;
        clearTimeout(this.timer);
        this.timer = setTimeout(() => (this.saving = this.#next()), RETRY_AFTER);
        return;
      }
    }
    this.busy = false;
    await this.#next();
  }
}

/** Submissions that the server has not confirmed, kept in this browser per person. */
export class Outbox {
  constructor(person, tell) {
    this.name = `unsent-judgements-${person}`;
    this.tell = tell; // (number waiting, last error or null)
    this.sending = null;
    addEventListener("online", () => this.flush());
    setInterval(() => this.all().length && this.flush(), RETRY_AFTER);
  }

  all() {
    try {
      return JSON.parse(localStorage.getItem(this.name)) ?? [];
    } catch {
      return [];
    }
  }

  /** Keeps the submission, then sends. Resolves with the answer, or null while the server is not reached. */
  async submit(assignment, body) {
    this.#keep([...this.all(), { assignment, body }]);
    return this.flush(body.idempotency_key);
  }

  /** Sends what waits, oldest first. Rejects only for the submission with this key. */
  async flush(key) {
    if (this.sending) await this.sending.catch(() => {});
    this.sending = this.#send(key);
    try {
      return await this.sending;
    } finally {
      this.sending = null;
    }
  }

  async #send(key) {
    let answer = null;
    for (const { assignment, body } of this.all()) {
      const mine = body.idempotency_key === key;
      try {
        const said = await call("POST", `/api/label/${assignment}/submit`, body);
        if (mine) answer = said;
      } catch (error) {
        // 404: somebody else is logged in here now. It waits for its own person.
        if (error.status === 404) continue;
        const refused = error instanceof ApiError && [409, 422].includes(error.status);
        if (!refused) {
          this.tell(this.all().length, error);
          return answer;
        }
        this.#drop(body.idempotency_key);
        this.tell(this.all().length, error);
        if (mine) throw error;
        continue;
      }
      this.#drop(body.idempotency_key);
    }
    this.tell(this.all().length, null);
    return answer;
  }

  #drop(key) {
    this.#keep(this.all().filter((entry) => entry.body.idempotency_key !== key));
  }

  #keep(entries) {
    localStorage.setItem(this.name, JSON.stringify(entries));
  }
}

/** A UUID; `crypto.randomUUID` is missing where the page is not served securely. */
export function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
