// Requests to the server; an error is the sentence that it gives.

export async function ask(address, options = {}) {
  let response;
  try {
    response = await fetch(address, { headers: { Accept: "application/json" }, ...options });
  } catch {
    throw new Error("The server does not answer. Is it still running?");
  }
  const body = await response.json().catch(() => ({}));
  if (!response.ok) {
    const error = new Error(sentence(body.error || `The server answers with an error (${response.status}).`));
    error.status = response.status;
    error.wait = Number(response.headers.get("Retry-After")) || 0;
    throw error;
  }
  return body;
}

export function post(address, values) {
  return ask(address, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(values ?? {}) });
}

export const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1) + (/[.?!]$/.test(text) ? "" : ".");

export const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

export const percent = (share) => `${(100 * share).toFixed(1)}%`;

export const $ = (id) => document.getElementById(id);

export function element(name, properties = {}, ...inside) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...inside);
  return made;
}

export function svg(name, attributes = {}, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}
