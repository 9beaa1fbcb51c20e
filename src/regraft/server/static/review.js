// One doubtful label at a time; every decision is kept by the server at once.

import { $, ask, element, post } from "/static/asking.js";

const base = $("review").dataset.base;
const state = { items: [], classes: [], place: 0, busy: false, command: "", shown: -1 };
const DIGITS = 9;
const MOST_FOUND = 50;

function complain(error) {
  $("trouble").textContent = error.message;
  $("trouble").hidden = false;
}

const rounded = (share) => `${Math.round(100 * share)}%`;
const version = (item) => `?v=${item.version}`;
const decided = () => state.items.filter((item) => item.decision).length;

function inWords(decision, item) {
  if (decision.action === "leave out") return "Left out.";
  if (decision.action === "keep") return `Kept: it is '${decision.label || item.label}'.`;
  return `Corrected: it is '${decision.label}'.`;
}

// A class has the same digit for every image, so that hands learn it.
const numbered = () => state.classes.slice(0, DIGITS).map((name, place) => [place + 1, name]);

function count() {
  const all = state.items.length;
  const before = state.reviewed ? ` ${state.reviewed} were looked at before.` : "";
  $("progress").textContent = all === 0
    ? "No label is doubted: there is nothing to look at."
    : `${Math.min(state.place + 1, all)} of ${all}; ${decided()} decided.${before}`;
  $("bar").hidden = all === 0;
  $("bar").value = all ? decided() / all : 0;
}

function changes() {
  const done = state.items.filter((item) => item.decision);
  const of = (...actions) => done.filter((item) => actions.includes(item.decision.action)).length;
  const counted = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;
  return `${counted(of("relabel", "new class"), "label")} corrected, ${counted(of("leave out"), "image")} left out,`
    + ` ${of("keep")} kept.`;
}

function show(focus = true) {
  count();
  $("retrain").hidden = decided() === 0;
  const ended = state.place >= state.items.length;
  $("item").hidden = ended;
  $("end").hidden = !ended || state.items.length === 0;
  if (ended) {
    $("sum").textContent = changes();
    if (state.items.length) { $("retrain").open = true; $("end-title").focus(); }
    return;
  }
  const item = state.items[state.place];
  $("question").textContent = `Labelled '${item.label}'. Is it '${item.suggested}'?`;
  $("reason").textContent = `${item.reason[0].toUpperCase()}${item.reason.slice(1)}.`
    + ` '${item.label}' has ${rounded(item.label_probability)}.`;
  $("path").textContent = `${item.path} (${item.part})`;
  $("suggest").querySelector("span").textContent = `It is '${item.suggested}' (${rounded(item.probability)})`;
  $("keep").querySelector("span").textContent = `Keep '${item.label}'`;
  $("decision").hidden = !item.decision;
  $("decision").textContent = item.decision ? inWords(item.decision, item) : "";
  $("back").disabled = state.place === 0;
  $("other").value = "";
  close();
  digits(item);
  if (state.shown !== state.place) pictures(item, state.place);
  if (focus) $("question").focus({ preventScroll: true });
}

function digits(item) {
  const names = numbered().filter(([, name]) => name !== item.label && name !== item.suggested);
  $("digits").hidden = names.length === 0;
  $("digits").replaceChildren(...names.map(([digit, name]) => {
    const key = element("kbd", { textContent: digit });
    const button = element("button", { type: "button" }, key, ` ${name}`);
    button.addEventListener("click", () => decide("relabel", name));
    return button;
  }));
}

function pictures(item, place) {
  state.shown = place;
  $("image").alt = `The image, labelled '${item.label}'`;
  $("image").src = `${base}/image/${place}${version(item)}`;
  near(item, place);
  for (const later of [place + 1, place + 2]) {
    if (later < state.items.length) new Image().src = `${base}/image/${later}${version(state.items[later])}`;
  }
}

async function near(item, place) {
  $("near").replaceChildren();
  try {
    const { images } = await ask(`${base}/near/${place}`);
    if (state.place !== place) return;
    $("near").replaceChildren(...images.map((one, number) => {
      const alt = `${one.same ? "Shows the same" : "Like it"}, labelled '${one.label}'`;
      const image = element("img", { alt, title: one.path, src: `${base}/near/${place}/${number}${version(item)}` });
      const textContent = one.same ? `shows the same: ${one.label}` : one.label;
      return element("li", {}, image, element("span", { textContent, className: one.same ? "same" : "" }));
    }));
  } catch (error) {
    complain(error);
  }
}

async function decide(action, label = "") {
  if (state.busy || state.place >= state.items.length) return;
  await busy(async () => {
    const told = await post(`${base}/decide`, { place: state.place, action, label });
    state.items[state.place].decision = told.decision;
    state.place += 1;
  });
}

async function back() {
  if (state.busy || state.place === 0) return;
  await busy(async () => {
    const before = state.place - 1;
    if (state.items[before].decision) {
      await post(`${base}/undo`, { place: before });
      state.items[before].decision = null;
    }
    state.place = before;
  });
}

function go(step) {
  const place = Math.max(0, Math.min(state.items.length, state.place + step));
  if (state.busy || place === state.place) return;
  state.place = place;
  show();
}

async function busy(work) {
  state.busy = true;
  $("trouble").hidden = true;
  try {
    await work();
  } catch (error) {
    complain(error);
  } finally {
    state.busy = false;
  }
  show();
}

// The search box, as a combobox with a list.

function matching() {
  const typed = $("other").value.trim().toLowerCase();
  const starts = state.classes.filter((name) => name.toLowerCase().startsWith(typed));
  const holds = state.classes.filter((name) => !starts.includes(name) && name.toLowerCase().includes(typed));
  return [...starts, ...holds].slice(0, MOST_FOUND);
}

function open() {
  const names = matching();
  $("found").replaceChildren(...names.map((name, place) => {
    const option = element("li", { id: `found-${place}`, role: "option", textContent: name });
    option.addEventListener("mousedown", (event) => { event.preventDefault(); choose(name); });
    return option;
  }));
  $("found").hidden = names.length === 0;
  $("other").setAttribute("aria-expanded", String(names.length > 0));
  select(0);
}

function close() {
  $("found").hidden = true;
  $("other").setAttribute("aria-expanded", "false");
  $("other").removeAttribute("aria-activedescendant");
}

function select(place) {
  const options = [...$("found").children];
  options.forEach((option, number) => option.setAttribute("aria-selected", String(number === place)));
  if (options[place]) {
    $("other").setAttribute("aria-activedescendant", options[place].id);
    options[place].scrollIntoView({ block: "nearest" });
  }
}

const selected = () => [...$("found").children].findIndex((one) => one.getAttribute("aria-selected") === "true");

function choose(name) {
  $("other").value = "";
  close();
  decide("relabel", name);
}

$("other").addEventListener("input", open);
$("other").addEventListener("focus", open);
$("other").addEventListener("blur", close);
$("other").addEventListener("keydown", (event) => {
  const options = $("found").children.length;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    const step = event.key === "ArrowDown" ? 1 : options - 1;
    if (options) select((selected() + step) % options);
  } else if (event.key === "Enter") {
    event.preventDefault();
    const option = $("found").children[selected()];
    if (option && !$("found").hidden) choose(option.textContent);
  } else if (event.key === "Escape") {
    $("other").value = "";
    close();
    $("question").focus();
  }
});

document.addEventListener("keydown", (event) => {
  const own = event.target.closest("input, summary, button, pre");
  if (event.ctrlKey || event.metaKey || event.altKey || event.target === $("other")) return;
  if (own && (event.key === "Enter" || event.key === " ")) return; // they press what has the focus
  const item = state.items[state.place];
  const keys = {
    k: () => decide("keep"),
    s: () => item && decide("relabel", item.suggested),
    Enter: () => item && decide("relabel", item.suggested),
    x: () => decide("leave out"),
    u: back,
    ArrowLeft: () => go(-1),
    ArrowRight: () => go(1),
    "/": () => $("other").focus(),
  };
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const [, named] = (item && numbered().find(([digit]) => String(digit) === key)) || [];
  const act = keys[key] ?? (named === undefined ? undefined : () => decide("relabel", named));
  if (!act || event.repeat) return;
  event.preventDefault();
  act();
});

$("suggest").addEventListener("click", () => decide("relabel", state.items[state.place].suggested));
$("keep").addEventListener("click", () => decide("keep"));
$("leave").addEventListener("click", () => decide("leave out"));
$("back").addEventListener("click", back);
$("next").addEventListener("click", () => go(1));
$("again").addEventListener("click", () => go(-1));
$("start").addEventListener("click", async () => {
  try {
    const { job } = await post(`${base}/retrain`);
    location.assign(`/jobs/${job}`);
  } catch (error) {
    complain(error);
  }
});
$("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(state.command);
    $("copied").textContent = "Copied.";
  } catch {
    getSelection().selectAllChildren($("command"));
    $("copied").textContent = "It is marked; copy it with Ctrl+C.";
  }
});

try {
  const told = await ask(`${base}/items`);
  Object.assign(state, { reviewed: told.reviewed, items: told.items, classes: told.classes, command: told.command });
  $("command").textContent = told.command;
  $("cost").textContent = told.quick
    ? "This command uses them. Features are kept, so it takes seconds."
    : "This command uses them. The whole network is trained again, which takes as long as before.";
  $("file").textContent = told.corrections;
  const first = state.items.findIndex((item) => !item.decision);
  state.place = first === -1 ? state.items.length : first;
  show();
} catch (error) {
  $("progress").textContent = "";
  complain(error);
}
