// One plan or training, live; what the server tells is shown anew each time, so a reload loses nothing.

import { $, element, post, sentence } from "/static/asking.js";
import { curves } from "/static/curves.js";
import { optionsOf } from "/static/options.js";

const place = `/jobs/${$("job").dataset.id}`;
const MINUTE = 60;
let source = null;
let lastState = "";
let latest = null;

function follow() {
  source?.close();
  source = new EventSource(`${place}/events`);
  source.addEventListener("job", (event) => show(JSON.parse(event.data)));
  source.onerror = () => { // it connects again by itself
    if (latest?.ended) source.close(); // the server has ended the stream
    else $("took").textContent = "The server does not answer; trying again.";
  };
}

function show(job) {
  latest = { ...job, heard: Date.now() };
  $("state").textContent = stateInWords(job);
  showTime();
  showText("message", job.message && sentence(job.message));
  $("stop").hidden = job.ended || job.stopping;
  $("kill").hidden = job.ended || !job.stopping;
  $("resume").hidden = !job.resumable;
  showStages(job);
  $("lines").textContent = job.lines.join("\n");
  $("curves").hidden = !job.epochs.length;
  if (job.epochs.length) $("curves").replaceChildren(...curves(job.epochs));
  showResult(job);
  if (job.planned && $("plan").hidden) showPlan();
  if (lastState !== $("state").textContent) $("said").textContent = lastState = $("state").textContent;
}

function stateInWords(job) {
  if (job.stopping) return "Stopping: what it has reached is kept";
  if (job.state === "waiting") return job.waits_for ? `Waiting for ${job.waits_for} other${job.waits_for > 1 ? "s" : ""} to end` : "Waiting";
  return sentence(job.state).slice(0, -1);
}

function showText(id, text) {
  $(id).textContent = text || "";
  $(id).hidden = !text;
}

function showTime() {
  if (!latest || (latest.state !== "running" && !latest.ended)) return;
  const seconds = latest.seconds + (latest.ended ? 0 : (Date.now() - latest.heard) / 1000);
  $("took").textContent = seconds < 1.5 * MINUTE ? `${Math.round(seconds)} s` : `${Math.round(seconds / MINUTE)} min`;
}

function showStages(job) {
  const rows = job.ended ? [] : job.stages.filter((one) => one.done < one.total || !one.total).slice(-2);
  $("stages").replaceChildren(...rows.map((one) => {
    const bar = element("progress", { max: Math.max(one.total, 1) });
    if (one.total > 1) bar.value = one.share === undefined ? one.done : one.share * one.total;
    bar.setAttribute("aria-label", one.stage);
    return element("div", {}, element("p", { textContent: `${one.stage} ` }, element("span", { textContent: one.said })), bar);
  }));
}

function showResult(job) {
  $("done").hidden = !job.run;
  if (!job.run) return;
  const name = encodeURIComponent(job.run);
  $("figure").textContent = job.figure || `The run ${job.run} is there`;
  showText("gained", job.gained);
  $("use").href = `/?run=${name}`;
  $("labels").href = `/review/${name}`;
  $("report").href = `/models/${name}/report`;
}

async function showPlan() {
  const response = await fetch(`${place}/plan`);
  if (!response.ok) return;
  const parsed = new DOMParser().parseFromString(await response.text(), "text/html");
  $("plan").replaceChildren(...parsed.body.childNodes);
  $("plan").hidden = false;
  $("train").hidden = false;
}

async function act(what) {
  try {
    show(await post(place + what));
    follow();
    const shown = ["stop", "kill", "resume"].map($).find((button) => !button.hidden);
    (shown ?? $("main")).focus({ preventScroll: true }); // what was pressed is gone
  } catch (error) {
    showText("message", error.message);
  }
}

async function train(event) {
  event.preventDefault();
  try {
    const job = await post("/jobs", { verb: "train", data: event.target.dataset.data, options: optionsOf(event.target) });
    location.assign(`/jobs/${job.id}`);
  } catch (error) {
    $("ask-says").textContent = error.message;
  }
}

$("stop").addEventListener("click", () => act("/stop"));
$("kill").addEventListener("click", () => act("/stop?at_once=true"));
$("resume").addEventListener("click", () => act("/resume"));
$("train").addEventListener("submit", train);
setInterval(() => { if (latest && !latest.ended) showTime(); }, 1000);
follow();
