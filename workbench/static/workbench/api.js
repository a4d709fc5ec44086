/** Calls to the API from pages: JSON both ways, the CSRF token from its cookie. */

export class ApiError extends Error {
  /** status 0: the server was not reached. */
  constructor(status, body) {
    super(body.detail || "");
    this.status = status;
    this.body = body;
  }
}

export function csrfToken() {
  return document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1] ?? "";
}

/** Resolves with the decoded answer; rejects with ApiError, with status 0 too where `signal` aborts it. */
export async function call(method, url, body, signal) {
  let response;
  try {
    response = await fetch(url, {
      method,
      headers: { "Content-Type": "application/json", "X-CSRFToken": csrfToken() },
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      signal,
    });
  } catch {
    throw new ApiError(0, {});
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new ApiError(response.status, answer ?? {});
  return answer;
}
