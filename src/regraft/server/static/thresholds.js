// A slider for each class's threshold: what it gives on the images that the run held out, and the command.

import { $, ask, element, percent, sentence, svg } from "/static/asking.js";

const MOST = 10; // sliders at once
const ANY = "any";
const chosen = new Map(); // by class, or ANY: what the command says of it
let run = null; // its name, folder and classes

async function open() {
  const option = $("run").selectedOptions[0];
  chosen.clear();
  $("sliders").replaceChildren();
  $("chooser").hidden = true;
  $("says").textContent = "";
  const name = option.value;
  try {
    const about = await ask(`/models/${encodeURIComponent(name)}/thresholds`);
    if ($("run").value !== name) return;
    run = { ...about, name, folder: option.dataset.folder, rows: new Map() };
  } catch (error) {
    $("says").textContent = error.message;
    return;
  }
  if (!run.images) {
    $("says").textContent = sentence(run.says);
    return;
  }
  $("says").textContent = `${run.images.toLocaleString("en")} images did not train this run. They say what a threshold does.`;
  $("filter-field").hidden = run.classes.length <= MOST;
  $("filter").value = "";
  $("chooser").hidden = false;
  list();
  command();
}

function list() {
  const wanted = $("filter").value.trim().toLowerCase();
  const places = run.classes.map((one, place) => place).filter((place) => run.classes[place].name.toLowerCase().includes(wanted));
  const rows = places.slice(0, MOST).map((place) => row(String(place)));
  if (places.length > MOST) rows.push(element("p", { className: "note", textContent: `${places.length - MOST} more classes; find them by name.` }));
  $("sliders").replaceChildren(row(ANY), ...rows);
}

function row(key) {
  if (!run.rows.has(key)) run.rows.set(key, made(key));
  return run.rows.get(key);
}

function made(key) {
  const part = $("slider").content.firstElementChild.cloneNode(true);
  const [range, number, used] = part.querySelectorAll("input");
  const name = key === ANY ? null : run.classes[key].name;
  part.querySelector("h2").textContent = name ?? "No class below a probability";
  const label = part.querySelector("label");
  range.id = `range-${key}`;
  label.htmlFor = range.id;
  range.setAttribute("aria-label", `Threshold for ${name ?? "any class"}`);
  part.querySelector(".figures").id = `figures-${key}`;
  number.setAttribute("aria-describedby", `figures-${key}`);
  number.setAttribute("aria-label", `Threshold for ${name ?? "any class"}, as a number`);
  used.nextElementSibling.append(element("span", { className: "hidden", textContent: ` for ${name ?? "any class"}` }));
  const asked = run;
  const loaded = ask(`/models/${encodeURIComponent(run.name)}/thresholds/${key}`).then((data) => counted(data, name));
  const move = async (value, use) => {
    const figures = await loaded;
    if (run !== asked) return;
    const threshold = Math.min(Math.max(Number(value) || 0, 0), 1);
    range.value = threshold;
    if (document.activeElement !== number) number.value = threshold;
    if (use) used.checked = true;
    const at = figures.at(threshold);
    range.setAttribute("aria-valuetext", `${threshold}: ${at.short}`);
    part.querySelector(".figures").textContent = at.short;
    part.querySelector(".figures-words").textContent = at.words;
    draw(part.querySelector("svg"), figures, threshold, name);
    if (used.checked) chosen.set(key, { name, threshold, ...at });
    else chosen.delete(key);
    command();
  };
  range.addEventListener("input", () => move(range.value, true));
  number.addEventListener("input", () => { if (number.value !== "") move(number.value, true); });
  number.addEventListener("change", () => move(number.value, true));
  used.addEventListener("change", () => move(range.value, false));
  move(0.5, false).catch((error) => { part.querySelector(".figures-words").textContent = error.message; });
  return part;
}

// Probabilities from the highest down, and how many of those up to each are right.
function counted({ scores, right }, name) {
  const sums = [0];
  for (const one of right) sums.push(sums.at(-1) + one);
  const of = name === null ? scores.length : sums.at(-1);
  const given = (threshold) => {
    let [low, high] = [0, scores.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (scores[middle] >= threshold) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const at = (threshold) => {
    const count = given(threshold);
    const found = sums[count];
    return name === null ? ofAny(count, found, of) : ofClass(name, count, found, of, scores, sums);
  };
  const shares = (threshold) => {
    const count = given(threshold);
    const first = name === null ? count / of : sums[count] / of;
    return [of ? first : NaN, count ? sums[count] / count : NaN];
  };
  return { at, shares };
}

function ofClass(name, given, found, of, scores, sums) {
  const recall = of ? `recall ${percent(found / of)}` : "recall unknown";
  const precision = given ? `precision ${percent(found / given)}` : "precision unknown";
  const words = of
    ? `Of ${of} images of ${name} held out, ${found} are found${interval(found, of)}. Of ${given} that are called ${name}, ${found} are right${interval(found, given)}.`
    : `No image of ${name} was held out, so nothing is known.`;
  const least = found ? scores[sums.indexOf(found) - 1] : null; // the highest threshold with this recall
  return { short: begun(`${recall}, ${precision}`), words, share: found ? downTo(found / of) : null, least };
}

function ofAny(given, found, of) {
  const right = given ? `, of which ${percent(found / given)} are right` : "";
  const words = `Of ${of} images held out, ${given} get a class and ${of - given} get none. Of those with one, ${found} are right${interval(found, given)}.`;
  return { short: `${percent(of ? given / of : 0)} of the images get a class${right}`, words };
}

const begun = (text) => text.charAt(0).toUpperCase() + text.slice(1);

// So many digits that the command finds the same number of images, and no more.
const downTo = (share) => String(Math.floor(share * 1e6 + 1e-6) / 1e6);

// Wilson's interval, as the command line has it.
function interval(some, of) {
  if (!of) return "";
  const z = 1.959964;
  const share = some / of;
  const middle = (share + z * z / (2 * of)) / (1 + z * z / of);
  const half = z * Math.sqrt(share * (1 - share) / of + z * z / (4 * of * of)) / (1 + z * z / of);
  return ` (${percent(Math.max(middle - half, 0))} to ${percent(Math.min(middle + half, 1))})`;
}

function draw(picture, figures, threshold, name) {
  const [first, second] = name === null ? ["with a class", "right of these"] : ["recall", "precision"];
  const x = (value) => 4 + 292 * value;
  const y = (share) => 68 - 60 * share;
  const steps = Array.from({ length: 101 }, (_, step) => step / 100);
  const parts = [svg("line", { x1: 4, y1: 68, x2: 296, y2: 68, stroke: "var(--line)" }), svg("line", { x1: 4, y1: 8, x2: 296, y2: 8, stroke: "var(--line)" })];
  for (const [which, colour, dash] of [[0, "var(--accent)", ""], [1, "var(--other)", "5 3"]]) {
    const points = steps.map((step) => [x(step), y(figures.shares(step)[which])]).filter(([, height]) => !Number.isNaN(height));
    parts.push(svg("polyline", { points: points.map(([a, b]) => `${a.toFixed(1)},${b.toFixed(1)}`).join(" "), fill: "none", stroke: colour, "stroke-width": 2, "stroke-dasharray": dash }));
  }
  parts.push(svg("line", { x1: x(threshold), y1: 4, x2: x(threshold), y2: 70, stroke: "var(--ink)", "stroke-width": 1.5 }));
  parts.push(svg("text", { x: 4, y: 81, "font-size": 10, fill: "var(--accent)" }, `— ${first}`), svg("text", { x: 110, y: 81, "font-size": 10, fill: "var(--other)" }, `- - ${second}`), svg("text", { x: 296, y: 81, "font-size": 10, fill: "var(--muted)", "text-anchor": "end" }, "threshold 0 to 1"));
  picture.setAttribute("aria-label", `${begun(first)} and ${second} by the threshold`);
  picture.replaceChildren(...parts);
}

const quoted = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`);

function command() {
  const words = ["regraft", "predict", quoted(run.folder), "IMAGES"];
  const effects = [];
  for (const one of chosen.values()) {
    if (one.name === null) {
      words.push("--abstain-below", String(one.threshold));
    } else if (one.share) {
      words.push("--at-recall", quoted(`${one.name}=${one.share}`));
      effects.push(`The command takes ${one.name} from ${one.least.toPrecision(4)} on, the highest threshold with this recall.`);
    } else {
      effects.push(`No image of ${one.name} is found at this threshold, so the command leaves it out.`);
    }
  }
  const abstains = [...chosen.values()].some((one) => one.name === null);
  if (chosen.size - abstains > 1) effects.push("With several thresholds an image gets the class that is furthest above its own.");
  if (chosen.size > 1 && abstains) effects.push("An image whose class is less probable than you want gets no class.");
  const some = words.length > 4;
  $("command").textContent = some ? words.join(" ") : "";
  $("command").parentElement.hidden = !some;
  $("copy").hidden = !some;
  $("none-chosen").hidden = some;
  $("copied").textContent = "";
  $("effects").replaceChildren(...effects.map((text) => element("li", { textContent: text })));
}

$("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText($("command").textContent);
    $("copied").textContent = "Copied.";
  } catch {
    $("copied").textContent = "The browser does not let the page copy; select it instead.";
  }
});
$("run").addEventListener("change", open);
$("filter").addEventListener("input", list);
open();
