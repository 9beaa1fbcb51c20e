// One doubtful label at a time; every decision is kept by the server at once.

const root = document.getElementById("review");
const base = root.dataset.base;
const at = (id) => document.getElementById(id);
const state = { items: [], classes: [], place: 0, busy: false, command: "", shown: -1 };
const DIGITS = 9;
const MOST_FOUND = 50;

async function ask(path, body) {
  const options = body === undefined ? {} : {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  };
  let answer;
  try {
    answer = await fetch(base + path, options);
  } catch {
    throw new Error("The server does not answer. Start `regraft review` again; decisions so far are kept.");
  }
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(told.error ?? `The server answered ${answer.status}.`);
  return told;
}

function complain(error) {
  at("trouble").textContent = error.message;
  at("trouble").hidden = false;
}

const percent = (share) => `${Math.round(100 * share)}%`;
const version = (item) => `?v=${item.version}`;
const decided = () => state.items.filter((item) => item.decision).length;

function inWords(decision, item) {
  if (decision.action === "leave out") return "Left out.";
  if (decision.action === "keep") return `Kept: it is '${decision.label || item.label}'.`;
  return `Corrected: it is '${decision.label}'.`;
}

function choices(item) {
  const others = state.classes.filter((name) => name !== item.label && name !== item.suggested);
  return others.slice(0, DIGITS);
}

function count() {
  const all = state.items.length;
  at("progress").textContent = all === 0
    ? "No label is doubted: there is nothing to look at."
    : `${Math.min(state.place + 1, all)} of ${all}; ${decided()} decided.`;
  at("bar").hidden = all === 0;
  at("bar").value = all ? decided() / all : 0;
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
  at("retrain").hidden = decided() === 0;
  const ended = state.place >= state.items.length;
  at("item").hidden = ended;
  at("end").hidden = !ended || state.items.length === 0;
  if (ended) {
    at("sum").textContent = changes();
    if (state.items.length) { at("retrain").open = true; at("end-title").focus(); }
    return;
  }
  const item = state.items[state.place];
  at("question").textContent = `Labelled '${item.label}'. Is it '${item.suggested}'?`;
  at("reason").textContent = `${item.reason[0].toUpperCase()}${item.reason.slice(1)}.`
    + ` '${item.label}' has ${percent(item.label_probability)}.`;
  at("path").textContent = `${item.path} (${item.part})`;
  at("suggest").querySelector("span").textContent = `It is '${item.suggested}' (${percent(item.probability)})`;
  at("keep").querySelector("span").textContent = `Keep '${item.label}'`;
  at("decision").hidden = !item.decision;
  at("decision").textContent = item.decision ? inWords(item.decision, item) : "";
  at("back").disabled = state.place === 0;
  at("other").value = "";
  close();
  digits(item);
  if (state.shown !== state.place) pictures(item, state.place);
  if (focus) at("question").focus({ preventScroll: true });
}

function digits(item) {
  const names = choices(item);
  at("digits").hidden = names.length === 0;
  at("digits").replaceChildren(...names.map((name, place) => {
    const button = document.createElement("button");
    const key = document.createElement("kbd");
    button.type = "button";
    key.textContent = place + 1;
    button.append(key, ` ${name}`);
    button.addEventListener("click", () => decide("relabel", name));
    return button;
  }));
}

function pictures(item, place) {
  state.shown = place;
  at("image").alt = `The image, labelled '${item.label}'`;
  at("image").src = `${base}/image/${place}${version(item)}`;
  near(item, place);
  for (const later of [place + 1, place + 2]) {
    if (later < state.items.length) new Image().src = `${base}/image/${later}${version(state.items[later])}`;
  }
}

async function near(item, place) {
  at("near").replaceChildren();
  try {
    const { images } = await ask(`/near/${place}`);
    if (state.place !== place) return;
    at("near").replaceChildren(...images.map((one, number) => {
      const entry = document.createElement("li");
      const image = document.createElement("img");
      const said = document.createElement("span");
      image.alt = `${one.same ? "Shows the same" : "Like it"}, labelled '${one.label}'`;
      image.title = one.path;
      image.src = `${base}/near/${place}/${number}${version(item)}`;
      said.textContent = one.same ? `shows the same: ${one.label}` : one.label;
      said.className = one.same ? "same" : "";
      entry.append(image, said);
      return entry;
    }));
  } catch (error) {
    complain(error);
  }
}

async function decide(action, label = "") {
  if (state.busy || state.place >= state.items.length) return;
  await busy(async () => {
    const told = await ask("/decide", { place: state.place, action, label });
    state.items[state.place].decision = told.decision;
    state.place += 1;
  });
}

async function back() {
  if (state.busy || state.place === 0) return;
  await busy(async () => {
    const before = state.place - 1;
    if (state.items[before].decision) {
      await ask("/undo", { place: before });
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
  at("trouble").hidden = true;
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
  const typed = at("other").value.trim().toLowerCase();
  const starts = state.classes.filter((name) => name.toLowerCase().startsWith(typed));
  const holds = state.classes.filter((name) => !starts.includes(name) && name.toLowerCase().includes(typed));
  return [...starts, ...holds].slice(0, MOST_FOUND);
}

function open() {
  const names = matching();
  at("found").replaceChildren(...names.map((name, place) => {
    const option = document.createElement("li");
    option.id = `found-${place}`;
    option.role = "option";
    option.textContent = name;
    option.addEventListener("mousedown", (event) => { event.preventDefault(); choose(name); });
    return option;
  }));
  at("found").hidden = names.length === 0;
  at("other").setAttribute("aria-expanded", String(names.length > 0));
  select(0);
}

function close() {
  at("found").hidden = true;
  at("other").setAttribute("aria-expanded", "false");
  at("other").removeAttribute("aria-activedescendant");
}

function select(place) {
  const options = [...at("found").children];
  options.forEach((option, number) => option.setAttribute("aria-selected", String(number === place)));
  if (options[place]) {
    at("other").setAttribute("aria-activedescendant", options[place].id);
    options[place].scrollIntoView({ block: "nearest" });
  }
}

const selected = () => [...at("found").children].findIndex((one) => one.getAttribute("aria-selected") === "true");

function choose(name) {
  at("other").value = "";
  close();
  decide("relabel", name);
}

at("other").addEventListener("input", open);
at("other").addEventListener("focus", open);
at("other").addEventListener("blur", close);
at("other").addEventListener("keydown", (event) => {
  const options = at("found").children.length;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    const step = event.key === "ArrowDown" ? 1 : options - 1;
    if (options) select((selected() + step) % options);
  } else if (event.key === "Enter") {
    event.preventDefault();
    const option = at("found").children[selected()];
    if (option && !at("found").hidden) choose(option.textContent);
  } else if (event.key === "Escape") {
    at("other").value = "";
    close();
    at("question").focus();
  }
});

document.addEventListener("keydown", (event) => {
  const own = event.target.closest("input, summary, button, pre");
  if (event.ctrlKey || event.metaKey || event.altKey || event.target === at("other")) return;
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
    "/": () => at("other").focus(),
  };
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const digit = item && /^[1-9]$/.test(key) ? choices(item)[Number(key) - 1] : undefined;
  const act = keys[key] ?? (digit === undefined ? undefined : () => decide("relabel", digit));
  if (!act || event.repeat) return;
  event.preventDefault();
  act();
});

at("suggest").addEventListener("click", () => decide("relabel", state.items[state.place].suggested));
at("keep").addEventListener("click", () => decide("keep"));
at("leave").addEventListener("click", () => decide("leave out"));
at("back").addEventListener("click", back);
at("next").addEventListener("click", () => go(1));
at("again").addEventListener("click", () => go(-1));
at("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(state.command);
    at("copied").textContent = "Copied.";
  } catch {
    getSelection().selectAllChildren(at("command"));
    at("copied").textContent = "It is marked; copy it with Ctrl+C.";
  }
});

try {
  const told = await ask("/items");
  Object.assign(state, { items: told.items, classes: told.classes, command: told.command });
  at("command").textContent = told.command;
  at("cost").textContent = told.quick
    ? "This command uses them. Features are kept, so it takes seconds."
    : "This command uses them. The whole network is trained again, which takes as long as before.";
  at("file").textContent = told.corrections;
  const first = state.items.findIndex((item) => !item.decision);
  state.place = first === -1 ? state.items.length : first;
  show();
} catch (error) {
  at("progress").textContent = "";
  complain(error);
}
