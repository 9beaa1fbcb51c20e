// Images in, answers out: dropped, pasted, chosen, or taken with the camera.

import { $, ask, element, pause, percent } from "/static/asking.js";
import { startCamera } from "/static/camera.js";

const AT_ONCE = 2; // requests under way
const SHOWN = 5; // classes
const waiting = [];
let working = 0;

const model = () => `/models/${encodeURIComponent($("run").value)}`;

function take(files) {
  for (const file of files) {
    const card = $("card").content.firstElementChild.cloneNode(true);
    card.querySelector(".file").textContent = file.name || "pasted image";
    showPreview(card, file);
    $("answers").prepend(card);
    waiting.push({ file, card, model: model() });
  }
  $("clear").hidden = !$("answers").children.length;
  next();
}

function showPreview(card, file) {
  const preview = card.querySelector(".preview");
  const address = URL.createObjectURL(file);
  preview.onload = () => URL.revokeObjectURL(address);
  preview.onerror = () => {
    URL.revokeObjectURL(address);
    preview.hidden = true;
    card.querySelector(".no-preview").hidden = false;
  };
  preview.src = address;
}

async function next() {
  while (waiting.length && working < AT_ONCE) {
    working += 1;
    answer(waiting.shift()).finally(() => {
      working -= 1;
      next();
    });
  }
}

async function answer(one) {
  const status = one.card.querySelector(".status");
  const name = one.card.querySelector(".file").textContent;
  status.textContent = "Looking";
  try {
    show(one, await answered(one, `/answer?top_k=${SHOWN}`));
    status.textContent = "";
  } catch (error) {
    status.textContent = error.message;
    status.className = "status bad";
    say(`${name}: ${error.message}`);
  }
}

async function answered(one, what) {
  for (let tries = 0; ; tries += 1) {
    try {
      return await ask(one.model + what, { method: "POST", body: one.file, headers: { "Content-Type": "application/octet-stream" } });
    } catch (error) {
      if (error.status !== 429 || tries === 9) throw error;
      await pause(1000 * (error.wait || 1));
    }
  }
}

function show(one, result) {
  const card = one.card;
  const best = card.querySelector(".answer");
  best.textContent = `${result.class}, ${percent(result.probability)}`;
  best.hidden = false;
  card.querySelector(".unlike").hidden = result.known !== false;
  card.querySelector(".bars").replaceChildren(...result.scores.map(bar));
  card.querySelector(".notes").replaceChildren(...result.notes.map((note) => element("li", { textContent: note })));
  showNearest(one, result);
  offerHeatMap(one, result);
  const unlike = result.known === false ? ", but not like anything that the run was trained on" : "";
  say(`${card.querySelector(".file").textContent}: ${best.textContent}${unlike}`);
}

function bar(score) {
  const fill = element("span");
  requestAnimationFrame(() => { fill.style.width = percent(score.score); });
  return element("li", {}, element("span", { className: "name", textContent: score.label }),
    element("span", { className: "track" }, fill), element("span", { className: "number", textContent: percent(score.score) }));
}

function showNearest(one, result) {
  const part = one.card.querySelector(".nearest");
  const gone = () => { part.querySelector(".note").textContent = "The training images are not where they were, so they cannot be shown."; };
  part.hidden = !result.neighbours.length;
  part.querySelector(".thumbs").replaceChildren(...result.neighbours.map((name, at) => {
    const place = result.neighbour_images[at];
    const figure = element("figure", {}, element("figcaption", { textContent: name }));
    if (place === null) {
      gone();
    } else {
      const picture = element("img", { alt: "", src: `${one.model}/training-images/${place}` });
      picture.onerror = () => {
        picture.hidden = true;
        gone();
      };
      figure.prepend(picture);
    }
    return figure;
  }));
}

function offerHeatMap(one, result) {
  const part = one.card.querySelector(".heat");
  const button = part.querySelector("button");
  const status = part.querySelector(".heat-status");
  part.hidden = false;
  button.onclick = async () => {
    button.disabled = true;
    status.textContent = "Looking closer. The first map takes some seconds.";
    try {
      showMap(part.querySelector(".map"), await answered(one, `/heat-map?class=${result.class_number}`));
      status.textContent = "";
      button.hidden = true;
      part.querySelector(".map").focus({ preventScroll: true }); // in place of the button
    } catch (error) {
      status.textContent = error.message;
      button.disabled = false;
    }
  };
}

function showMap(figure, map) {
  const picture = figure.querySelector("img");
  picture.src = map.picture;
  picture.alt = `Heat map of what speaks for ${map.class}`;
  const caption = figure.querySelector("figcaption");
  caption.replaceChildren();
  if (map.warning) caption.append(element("p", { className: "warn", textContent: map.warning }));
  caption.append(element("p", { textContent: `Bright is what speaks for ${map.class}. ${map.says}` }));
  for (const note of map.notes) caption.append(element("p", { textContent: note }));
  figure.hidden = false;
  say(map.warning || map.says);
}

function takeChosen() {
  take([...$("files").files]);
  $("files").value = "";
}

function say(text) {
  $("said").textContent = text;
}

const imagesIn = (transfer) => [...(transfer?.files ?? [])];

function listen() {
  const drop = $("drop");
  $("files").addEventListener("change", takeChosen);
  takeChosen(); // what was chosen before this script ran
  document.addEventListener("paste", (event) => take(imagesIn(event.clipboardData)));
  for (const name of ["dragenter", "dragover"]) {
    document.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) drop.classList.remove("over"); });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    take(imagesIn(event.dataTransfer));
  });
  $("clear").addEventListener("click", () => {
    waiting.length = 0;
    $("answers").replaceChildren();
    $("clear").hidden = true;
    $("files").focus();
    say("The answers are cleared.");
  });
}

listen();
startCamera((file) => take([file]));
