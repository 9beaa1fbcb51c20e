// Losses and accuracies by epoch, a pair of pictures for each strategy that was tried.

import { element, percent, svg } from "/static/asking.js";

const WIDTH = 420;
const HEIGHT = 210;
const LEFT = 56;
const BOTTOM = 30;
const KINDS = [
  { title: "Loss", lines: [["train_loss", "training"], ["val_loss", "validation"]], most: Infinity, label: (value) => value.toFixed(2) },
  { title: "Accuracy", lines: [["train_accuracy", "training"], ["val_accuracy", "validation"]], most: 1, label: percent },
];
const STROKES = [["var(--other)", "5 3"], ["var(--accent)", ""]];

export function curves(epochs) {
  const parts = [];
  for (const rows of byTraining(epochs)) {
    const last = rows.at(-1);
    parts.push(element("h2", { textContent: `${last.strategy}: epoch ${last.epoch} of ${last.epochs}` }));
    parts.push(element("div", { className: "charts" }, ...KINDS.map((kind) => chart(kind, rows))));
  }
  return parts;
}

// A new training begins where the strategy is another one, or the epochs begin again.
function byTraining(epochs) {
  const trainings = [];
  for (const row of epochs) {
    const before = trainings.at(-1)?.at(-1);
    if (!before || before.strategy !== row.strategy || row.epoch <= before.epoch) trainings.push([]);
    trainings.at(-1).push(row);
  }
  return trainings;
}

function chart(kind, rows) {
  const values = kind.lines.flatMap(([name]) => rows.map((row) => row[name])).filter((value) => value != null);
  const [low, high] = spread(values, kind.most);
  const from = rows[0].epoch;
  const to = Math.max(rows[0].epochs, from + 1);
  const x = (epoch) => LEFT + (WIDTH - LEFT - 12) * (epoch - from) / (to - from);
  const y = (value) => HEIGHT - BOTTOM - (HEIGHT - BOTTOM - 26) * (value - low) / (high - low);
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": described(kind, rows) });
  for (const value of [low, (low + high) / 2, high]) {
    picture.append(svg("line", { x1: LEFT, y1: y(value), x2: WIDTH - 12, y2: y(value), stroke: "var(--line)" }));
    picture.append(svg("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end", "font-size": 12, fill: "var(--muted)" }, kind.label(value)));
  }
  for (const [epoch, anchor] of [[from, "start"], [to, "end"]]) picture.append(svg("text", { x: x(epoch), y: HEIGHT - 10, "text-anchor": anchor, "font-size": 12, fill: "var(--muted)" }, epoch === to ? `epoch ${epoch}` : epoch));
  kind.lines.forEach(([name, word], place) => {
    const [colour, dash] = STROKES[place];
    const points = rows.filter((row) => row[name] != null).map((row) => [x(row.epoch), y(row[name])]);
    picture.append(svg("polyline", { points: points.map((pair) => pair.map((value) => value.toFixed(1)).join(",")).join(" "), fill: "none", stroke: colour, "stroke-width": 2.2, "stroke-dasharray": dash }));
    for (const [a, b] of points) picture.append(svg("circle", { cx: a, cy: b, r: 2.8, fill: colour }));
    picture.append(svg("text", { x: LEFT + 96 * place + 4, y: 14, "font-size": 12, fill: colour }, `${dash ? "- -" : "—"} ${word}`));
  });
  return element("figure", {}, element("figcaption", { textContent: kind.title }), picture);
}

// Both kinds of figure are never below 0.
function spread(values, most) {
  if (!values.length) return [0, 1];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = (high - low) * 0.08 || 0.05;
  return [Math.max(low - room, 0), Math.min(high + room, most)];
}

function described(kind, rows) {
  const last = rows.at(-1);
  const said = kind.lines.filter(([name]) => last[name] != null).map(([name, word]) => `${word} ${kind.label(last[name])}`);
  return `${kind.title} after epoch ${last.epoch}: ${said.join(", ")}`;
}
