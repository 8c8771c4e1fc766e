"use strict";
// Drawings of the metric that the reader selected: the strip of seeds, and the cells of the grids.

const DATA = JSON.parse(document.getElementById("data").textContent);
const COLUMNS = Object.entries(DATA.runs);
const RUNS = DATA.runs.id.map((_, index) =>
  ({ index, ...Object.fromEntries(COLUMNS.map(([name, values]) => [name, values[index]])) }));
const MOST_NUMBERED = 5; // columns of a grid whose cells show their mean
const value = (run) => DATA.metrics[state.metric][run.index];
const values = (runs) => runs.map(value).filter((v) => v !== null);
const mean = (values) => (values.length ? values.reduce((a, b) => a + b) / values.length : null);

const number = (v) => v === null ? "–"
  : v !== 0 && Math.abs(v) < 0.001 ? v.toExponential(1) : String(Number(v.toPrecision(3)));

// The labels of an axis, all in one form.
const axisTexts = (values) => values.some((v) => v && (v < 0.001 || v >= 1e4))
  ? values.map((v) => v ? v.toExponential(1).replace(".0", "") : "0") : values.map(number);

function make(tag, attributes = {}, ...children) {
  const drawn = ["svg", "circle", "line", "text"].includes(tag);
  const space = drawn ? "http://www.w3.org/2000/svg" : "http://www.w3.org/1999/xhtml";
  const element = document.createElementNS(space, tag);
  for (const [name, text] of Object.entries(attributes)) element.setAttribute(name, text);
  element.append(...children);
  return element;
}

// The strip: a dot for each seed of the selected settings.
function drawStrip() {
  const shown = RUNS.filter((run) =>
    run.selected && value(run) !== null && !state.hidden.has(DATA.optimizers[run.optimizer]));
  const drawing = one("#strip .drawing");
  if (!shown.length) return drawing.replaceChildren("There is no run to show.");
  const rows = [...Map.groupBy(shown, (run) => run.problem + " " + run.optimizer).values()];
  const label = ([run]) => DATA.names[run.optimizer] +
    (DATA.problems.length > 1 ? ", " + DATA.problems[run.problem] : "");
  const low = Math.min(...values(shown)), high = Math.max(...values(shown));
  const left = Math.min(330, 20 + 7 * Math.max(...rows.map((runs) => label(runs).length)));
  const x = (v) => left + 12 + ((v - low) / (high - low || 1)) * (700 - left - 40);
  const bottom = rows.length * 24 + 22;
  const svg = make("svg", { viewBox: `0 0 700 ${bottom + 8}`, role: "img", "aria-label": `Final ${metricName(state.metric)} of every seed` });
  rows.forEach((runs, row) => {
    const y = row * 24 + 14, middle = x(mean(values(runs)));
    const color = DATA.colors[runs[0].optimizer];
    const fill = color === "#000000" ? "var(--ink)" : color; // black is invisible on dark pages
    svg.append(
      make("line", { x1: left, x2: 690, y1: y, y2: y, class: "axis" }),
      make("text", { x: left - 10, y: y + 4, "text-anchor": "end" }, label(runs)),
      ...runs.map((run) => make("circle", { cx: x(value(run)), cy: y, r: 4.5, "fill-opacity": 0.65, fill })),
      make("line", { x1: middle, x2: middle, y1: y - 9, y2: y + 9, class: "mean" }));
  });
  for (const v of new Set([low, (low + high) / 2, high]))
    svg.append(make("text", { x: x(v), y: bottom, "text-anchor": "middle", class: "tick" }, number(v)));
  drawing.replaceChildren(svg);
}

// The cells: a table for each problem and optimizer; each problem has one colour scale.
function drawCells() {
  closeTip();
  const problems = Map.groupBy(RUNS, (run) => run.problem);
  one("#cells .drawing").replaceChildren(...[...problems].flatMap(([problem, runs]) => [
    ...(DATA.problems.length > 1 ? [make("h3", {}, DATA.problems[problem])] : []),
    ...drawProblem(runs)]));
}

// Where settings besides lr and wd varied, a cell has the runs of those that are best on validation.
// Its mean is over the seeds that most cells have.
function cellOf(runs) {
  const settings = [...Map.groupBy(runs, (run) => run.settings).values()];
  const best = settings.reduce((a, b) => (b[0].rank < a[0].rank ? b : a));
  const averaged = best.some((run) => run.compared) ? best.filter((run) => run.compared) : best;
  const incomplete = averaged.some((run) => run.status !== "done");
  const note = averaged.length < best.length ? ` over ${averaged.length} of ${best.length} seeds` : "";
  return { runs: best, mean: mean(values(averaged)), incomplete, note };
}

function drawProblem(runs) {
  const maps = [...Map.groupBy(runs, (run) => run.optimizer)].sort((a, b) => a[0] - b[0])
    .map(([optimizer, tried]) => [optimizer,
      new Map([...Map.groupBy(tried, (run) => `${run.lr} ${run.wd}`)].map(([key, group]) => [key, cellOf(group)]))]);
  const sorted = maps.flatMap(([, cells]) => [...cells.values()].map((cell) => cell.mean))
    .filter((v) => v !== null).sort((a, b) => a - b);
  if (!sorted.length) return [make("p", { class: "missing" }, "No run has this metric.")];
  // Without the clipping, a few very bad cells would give all others nearly the same colour.
  const low = sorted[0], high = sorted[Math.floor(0.95 * (sorted.length - 1))];
  const last = DATA.scale.length - 1;
  const shade = (v) => DATA.scale[Math.round(last * Math.min(1, (v - low) / (high - low || 1)))];
  const ramp = make("i");
  ramp.style.background = `linear-gradient(90deg, ${DATA.scale.join(",")})`;
  const clipped = high < sorted[sorted.length - 1] ? " or more (the highest 5 % of the cells)" : "";
  return [
    make("div", { class: "scale" }, number(low), ramp, number(high) + clipped, make("span", {}, metricName(state.metric))),
    make("div", { class: "maps" }, ...maps.map(([optimizer, cells]) => drawMap(optimizer, cells, shade)))];
}

function drawMap(optimizer, cells, shade) {
  const name = DATA.names[optimizer], attributes = { "data-optimizer": DATA.optimizers[optimizer] };
  const axis = (key) => [...new Set([...cells.values()].map((cell) => cell.runs[0][key]))].sort((a, b) => a - b);
  const lrs = axis("lr").reverse(), wds = axis("wd");
  if (lrs.length * wds.length > 4 * cells.size + 12)
    return make("p", { class: "missing", ...attributes }, `${name}: its settings do not form a grid.`);
  const table = make("table", { class: "map", role: "grid" }, make("caption", {}, name));
  const body = table.createTBody();
  const lrTexts = axisTexts(lrs), wdTexts = axisTexts(wds);
  const numbered = wds.length <= MOST_NUMBERED; // wide cells, with their mean
  lrs.forEach((lr, i) => {
    const row = wds.map((wd) => drawCell(name, lr, wd, cells.get(`${lr} ${wd}`), shade, numbered));
    body.insertRow().append(make("th", { scope: "row" }, lrTexts[i]), ...row);
  });
  table.createTFoot().insertRow().append(
    make("td", { class: "corner" }, "lr ↑ wd →"), ...wdTexts.map((text) => make("th", { scope: "col" }, text)));
  table.querySelector("[role=gridcell]").tabIndex = 0;
  table.addEventListener("keydown", moveInGrid);
  table.classList.toggle("numbered", numbered);
  table.style.maxWidth = `${4 + (numbered ? 4 : 2.6) * wds.length}rem`; // a small grid has no giant cells
  return make("div", { class: "scroll", ...attributes }, table);
}

function drawCell(name, lr, wd, cell, shade, numbered) {
  if (!cell) return make("td", { class: "empty" });
  const title = `${name}, lr ${number(lr)}, wd ${number(wd)}`;
  const label = cell.incomplete ? "a run diverged or failed" : number(cell.mean);
  const td = make("td", { role: "gridcell", tabindex: -1, "aria-label": `${title}: ${label}` });
  if (cell.incomplete || cell.mean === null) td.className = "lost";
  else {
    td.style.background = shade(cell.mean);
    if (numbered) td.append(number(cell.mean));
    td.style.color = isDark(shade(cell.mean)) ? "#fff" : "#000";
  }
  if (cell.runs[0].rank === 0) td.classList.add("picked");
  for (const event of ["pointerenter", "focus", "click"])
    td.addEventListener(event, () => openTip(td, title, cell));
  td.addEventListener("blur", closeTip);
  return td;
}

// Whether white text has more contrast than black on a color such as "#440154" (WCAG 2).
function isDark(color) {
  const [red, green, blue] = [1, 3, 5].map((start) => (parseInt(color.slice(start, start + 2), 16) / 255) ** 2.2);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.18;
}

function moveInGrid(event) {
  const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
  if (!step) return;
  event.preventDefault();
  const rows = event.currentTarget.tBodies[0].rows, from = event.target;
  let row = from.parentElement.rowIndex, column = from.cellIndex, to;
  do {
    row += step[0];
    column += step[1];
    to = rows[row]?.cells[column];
  } while (to?.className === "empty");
  if (to?.tagName !== "TD") return;
  from.tabIndex = -1;
  to.tabIndex = 0;
  to.focus();
}

// The tooltip with a cell's runs.
function openTip(cell, title, { runs, mean: cellMean, note }) {
  closeTip();
  const tip = one("#tip"), table = make("table"), paragraph = (text) => make("p", {}, text);
  table.createTHead().insertRow().append(
    ...["seed", metricName(state.metric), "status", "run"].map((name) => make("th", { scope: "col" }, name)));
  const body = table.createTBody();
  for (const run of runs.slice(0, 12))
    body.insertRow().append(...[run.seed, number(value(run)), run.status, run.id].map((text) => make("td", {}, String(text))));
  tip.replaceChildren(
    make("p", {}, make("strong", {}, title), `: mean ${metricName(state.metric)} ${number(cellMean)}${note}`),
    ...(runs[0].settings ? [paragraph(runs[0].settings)] : []), table,
    ...(runs.length > 12 ? [paragraph(`and ${runs.length - 12} more`)] : []));
  tip.hidden = false;
  cell.classList.add("is-open");
  cell.setAttribute("aria-describedby", "tip");
  const box = cell.getBoundingClientRect(), size = tip.getBoundingClientRect();
  const below = box.bottom + 6 + size.height < innerHeight || box.top < size.height + 6;
  const right = document.documentElement.clientWidth - size.width - 8;
  tip.style.left = `${Math.max(8, Math.min(box.left, right)) + scrollX}px`;
  tip.style.top = `${(below ? box.bottom + 6 : box.top - size.height - 6) + scrollY}px`;
}

function closeTip() {
  one("#tip").hidden = true;
  for (const cell of all(".is-open")) {
    cell.classList.remove("is-open");
    cell.removeAttribute("aria-describedby");
  }
}

function startTip() {
  document.addEventListener("keydown", (event) => event.key === "Escape" && closeTip());
  document.addEventListener("pointerover", (event) =>
    event.target.closest("#tip, .is-open") || closeTip());
}
