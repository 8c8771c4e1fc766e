"use strict";
// The page's own few movements. Text from data reaches the page as text alone (textContent).

const DATA = JSON.parse(document.getElementById("data").textContent);
const RUNS = DATA.runs.id.map((id, i) => ({
  id,
  index: i,
  optimizer: DATA.runs.optimizer[i],
  problem: DATA.runs.problem[i],
  lr: DATA.runs.lr[i],
  wd: DATA.runs.wd[i],
  seed: DATA.runs.seed[i],
  status: DATA.runs.status[i],
  chosen: DATA.runs.chosen[i],
  other: DATA.runs.other[i] || "",
}));
const state = { metric: null, hidden: new Set() };
const one = (selector) => document.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const number = (v) => (v === null || v === undefined ? "–" : String(Number(v.toPrecision(3))));
const value = (run) => DATA.metrics[state.metric][run.index];
const mean = (values) => (values.length ? values.reduce((a, b) => a + b) / values.length : null);
const words = (metric) => metric.replaceAll("_", " ");

function make(tag, attributes = {}, ...children) {
  const svg = ["svg", "g", "circle", "line", "text", "rect"].includes(tag);
  const element = svg
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, text] of Object.entries(attributes)) element.setAttribute(name, text);
  element.append(...children);
  return element;
}

function groups(items, key) {
  const found = new Map();
  for (const item of items) {
    const name = key(item);
    if (!found.has(name)) found.set(name, []);
    found.get(name).push(item);
  }
  return found;
}

// What a reader has set stays over reloads, where the browser allows it.
const memory = {
  get(name) {
    try { return JSON.parse(sessionStorage.getItem("adamcmp " + name)); } catch { return null; }
  },
  set(name, what) {
    try { sessionStorage.setItem("adamcmp " + name, JSON.stringify(what)); } catch { /* private */ }
  },
};

// Light and dark.

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  const button = one("#theme");
  button.setAttribute("aria-pressed", String(theme === "dark"));
  memory.set("theme", theme);
}

function startTheme() {
  const dark = () =>
    document.documentElement.dataset.theme
      ? document.documentElement.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
  one("#theme").setAttribute("aria-pressed", String(dark()));
  if (memory.get("theme")) setTheme(memory.get("theme"));
  one("#theme").addEventListener("click", () => setTheme(dark() ? "light" : "dark"));
}

// Tables: a click or Enter on a heading sorts; missing values stay last.

function sort(table, column, header) {
  const up = header.getAttribute("aria-sort") !== "ascending";
  all("th", table).forEach((th) => th.removeAttribute("aria-sort"));
  header.setAttribute("aria-sort", up ? "ascending" : "descending");
  const numeric = header.classList.contains("number");
  const key = (row) => row.cells[column].dataset.value;
  const compare = (a, b) => (numeric ? Number(a) - Number(b) : a.localeCompare(b));
  const rows = [...table.tBodies[0].rows].sort((a, b) => {
    if (key(a) === "" || key(b) === "") return (key(a) === "") - (key(b) === "");
    return up ? compare(key(a), key(b)) : compare(key(b), key(a));
  });
  table.tBodies[0].append(...rows);
}

function startSorting() {
  for (const table of all("table.sortable"))
    all("thead th", table).forEach((th, i) =>
      th.firstElementChild.addEventListener("click", () => sort(table, i, th)));
}

// Optimizers: hidden everywhere, in tables and drawings.

function showOptimizers() {
  const hidden = (names) => names.some((name) => state.hidden.has(name));
  for (const row of all("[data-optimizers]"))
    row.classList.toggle("is-hidden", hidden(JSON.parse(row.dataset.optimizers)));
  for (const part of all("[data-optimizer]"))
    part.classList.toggle("is-hidden", hidden([part.dataset.optimizer]));
  memory.set("hidden", [...state.hidden]);
}

function startOptimizers() {
  const boxes = all("input[name=optimizer]");
  const kept = new Set(memory.get("hidden") || []);
  for (const box of boxes) {
    box.checked = !kept.has(box.value);
    box.addEventListener("change", () => {
      state.hidden = new Set(boxes.filter((b) => !b.checked).map((b) => b.value));
      showOptimizers();
      drawStrip();
    });
  }
  state.hidden = new Set(boxes.filter((b) => !b.checked).map((b) => b.value));
}

// The metric: its columns, its rows, its drawings.

function showMetric() {
  const measure = state.metric.split("_")[1];
  for (const cell of all("[data-metric]")) {
    cell.classList.toggle("is-metric", cell.dataset.metric === state.metric);
    const [split, kind] = cell.dataset.metric.split("_");
    const kept = kind === measure || cell.dataset.metric === "train_loss";
    cell.classList.toggle("is-hidden", !kept);
  }
  for (const table of all("table.sortable")) {
    const rows = all("[data-row-metric]", table);
    const there = rows.some((row) => row.dataset.rowMetric === state.metric);
    for (const row of rows)
      row.hidden = there && row.dataset.rowMetric !== state.metric;
  }
  for (const name of all(".metric-name")) name.textContent = words(state.metric);
  drawCells();
  drawStrip();
  showOptimizers();
  memory.set("metric", state.metric);
}

function startMetric() {
  const select = one("#metric");
  const kept = memory.get("metric");
  if (kept in DATA.metrics) select.value = kept;
  state.metric = select.value;
  select.addEventListener("change", () => {
    state.metric = select.value;
    showMetric();
  });
  showMetric();
}

// The strip: a dot for every seed of the best settings.

function drawStrip() {
  const shown = RUNS.filter(
    (run) => run.chosen && value(run) !== null && !state.hidden.has(DATA.optimizers[run.optimizer]));
  const place = one("#strip .drawing");
  if (!shown.length) return place.replaceChildren("No run to show.");
  const rows = [...groups(shown, (run) => run.problem + " " + run.optimizer).values()];
  const several = DATA.problems.length > 1;
  const label = (runs) =>
    DATA.optimizers[runs[0].optimizer] + (several ? ", " + DATA.problems[runs[0].problem] : "");
  const values = shown.map(value);
  const low = Math.min(...values), high = Math.max(...values);
  const left = Math.min(260, 20 + 7 * Math.max(...rows.map((runs) => label(runs).length)));
  const x = (v) => left + ((v - low) / (high - low || 1)) * (700 - left - 30) + 12;
  const svg = make("svg", {
    viewBox: `0 0 700 ${rows.length * 24 + 30}`, role: "img",
    "aria-label": `Final ${words(state.metric)} of every seed, by optimizer`,
  });
  rows.forEach((runs, row) => {
    const y = row * 24 + 14, fill = DATA.colors[runs[0].optimizer], middle = x(mean(runs.map(value)));
    svg.append(
      make("line", { x1: left, x2: 690, y1: y, y2: y, class: "axis" }),
      make("text", { x: left - 10, y: y + 4, "text-anchor": "end" }, label(runs)),
      ...runs.map((run) => make("circle", {
        cx: x(value(run)), cy: y, r: 4.5, "fill-opacity": 0.65,
        fill: fill === "#000000" ? "var(--ink)" : fill })),
      make("line", { x1: middle, x2: middle, y1: y - 9, y2: y + 9, stroke: "var(--ink)", "stroke-width": 2 }));
  });
  for (const v of [low, (low + high) / 2, high])
    svg.append(make("text", { x: x(v), y: rows.length * 24 + 22, "text-anchor": "middle", class: "tick" }, number(v)));
  place.replaceChildren(svg);
}

// The cells: a table for each problem and optimizer, one colour scale for a problem.

const CIVIDIS = ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838"];

function color(share) {
  return CIVIDIS[Math.min(9, Math.floor(Math.max(0, share) * 10))];
}

// Where other settings varied, the one with the best mean validation stands for the cell.
function cellOf(runs) {
  const judged = DATA.metrics.val_error || DATA.metrics.val_loss || DATA.metrics[state.metric];
  const score = (of) => {
    const seen = of.map((run) => judged[run.index]).filter((v) => v !== null);
    return of.some((run) => run.status !== "done") || !seen.length ? Infinity : mean(seen);
  };
  const kinds = [...groups(runs, (run) => run.other).values()];
  const shown = kinds.reduce((a, b) => (score(b) < score(a) ? b : a));
  const values = shown.map(value).filter((v) => v !== null);
  return { runs: shown, mean: mean(values), lost: shown.some((run) => run.status !== "done") };
}

function drawCells() {
  closeTip();
  one("#cells .drawing").replaceChildren(
    ...[...groups(RUNS, (run) => run.problem)].map(([problem, runs]) => drawProblem(problem, runs)));
}

function drawProblem(problem, runs) {
  const block = make("div");
  if (DATA.problems.length > 1) block.append(make("h3", {}, DATA.problems[problem]));
  const maps = [...groups(runs, (run) => run.optimizer)].sort((a, b) => a[0] - b[0]);
  const found = maps.map(([optimizer, own]) => [optimizer,
    new Map([...groups(own, (run) => run.lr + " " + run.wd)].map(([key, of]) => [key, cellOf(of)]))]);
  const means = found.flatMap(([, cells]) => [...cells.values()].map((cell) => cell.mean));
  const sorted = means.filter((v) => v !== null).sort((a, b) => a - b);
  if (!sorted.length) return make("p", { class: "missing" }, "No run has this metric.");
  // A few wild cells would leave one colour for all the others.
  const low = sorted[0], high = sorted[Math.floor(0.95 * (sorted.length - 1))];
  const ramp = make("i");
  ramp.style.background = `linear-gradient(90deg, ${CIVIDIS.join(",")})`;
  block.append(make("div", { class: "scale" }, number(low), ramp,
    (high < sorted[sorted.length - 1] ? "≥ " : "") + number(high)));
  const row = make("div", { class: "maps" });
  for (const [optimizer, cells] of found) row.append(drawMap(optimizer, cells, low, high));
  block.append(row);
  return block;
}

function drawMap(optimizer, cells, low, high) {
  const name = DATA.optimizers[optimizer];
  const axis = (key) => [...new Set([...cells.values()].map((c) => c.runs[0][key]))].sort((a, b) => a - b);
  const lrs = axis("lr"), wds = axis("wd").reverse();
  const box = make("div", { class: "scroll", "data-optimizer": name });
  if (lrs.length * wds.length > 4 * cells.size + 12) {
    box.append(make("p", { class: "missing" }, `${name}: its settings lie on no grid of learning rates and weight decays.`));
    return box;
  }
  const table = make("table", { class: "map", role: "grid" }, make("caption", {}, name));
  const body = table.createTBody();
  for (const wd of wds) {
    const row = body.insertRow();
    row.append(make("th", { scope: "row" }, number(wd)));
    for (const lr of lrs) row.append(drawCell(name, lr, wd, cells.get(lr + " " + wd), low, high));
  }
  const foot = table.createTFoot().insertRow();
  foot.append(make("th", {}, ""), ...lrs.map((lr) => make("th", { scope: "col" }, number(lr))));
  const first = one.call(null, "x") || table.querySelector("td[role=gridcell]");
  if (first) first.tabIndex = 0;
  table.addEventListener("keydown", moveInGrid);
  box.append(table);
  return box;
}

function drawCell(name, lr, wd, cell, low, high) {
  if (!cell) return make("td", { "aria-hidden": "true", class: "empty" });
  const text = cell.lost ? "diverged or failed" : number(cell.mean);
  const td = make("td", { role: "gridcell", tabindex: -1, "aria-label": `${name}, lr ${number(lr)}, wd ${number(wd)}: ${text}` });
  if (cell.mean === null || cell.lost) td.className = "lost";
  else td.style.background = color((cell.mean - low) / (high - low || 1));
  if (cell.runs.some((run) => run.chosen)) td.classList.add("picked");
  const open = () => openTip(td, `${name}, lr ${number(lr)}, wd ${number(wd)}`, cell);
  td.addEventListener("pointerenter", open);
  td.addEventListener("focus", open);
  td.addEventListener("click", open);
  td.addEventListener("blur", closeTip);
  return td;
}

function moveInGrid(event) {
  const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  const step = steps[event.key], from = event.target.closest("td");
  if (!step || !from) return;
  event.preventDefault();
  const rows = from.closest("tbody").rows;
  let row = from.parentElement.rowIndex, column = from.cellIndex;
  do {
    row += step[0];
    column += step[1];
  } while (rows[row]?.cells[column]?.classList.contains("empty"));
  const to = rows[row]?.cells[column];
  if (!to || to.tagName !== "TD") return;
  from.tabIndex = -1;
  to.tabIndex = 0;
  to.focus();
}

// The card with a cell's runs.

function openTip(cell, title, { runs, mean: middle }) {
  closeTip();
  const tip = one("#tip"), table = make("table");
  table.createTHead().insertRow().append(
    ...["seed", words(state.metric), "status", "run"].map((name) => make("th", { scope: "col" }, name)));
  const body = table.createTBody();
  for (const run of runs.slice(0, 12)) {
    const texts = [run.seed, number(value(run)), run.status, run.id];
    body.insertRow().append(...texts.map((text) => make("td", {}, String(text))));
  }
  const note = runs[0].other ? [make("p", {}, runs[0].other)] : [];
  const more = runs.length > 12 ? [make("p", {}, `and ${runs.length - 12} more`)] : [];
  const head = make("p", {}, make("strong", {}, title), ` · mean ${words(state.metric)} ${number(middle)}`);
  tip.replaceChildren(head, ...note, table, ...more);
  tip.hidden = false;
  cell.classList.add("is-open");
  cell.setAttribute("aria-describedby", "tip");
  const at = cell.getBoundingClientRect(), size = tip.getBoundingClientRect();
  const below = at.bottom + 6 + size.height < innerHeight;
  tip.style.left = Math.max(8, Math.min(at.left, document.documentElement.clientWidth - size.width - 8)) + scrollX + "px";
  tip.style.top = (below ? at.bottom + 6 : Math.max(4, at.top - size.height - 6)) + scrollY + "px";
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
  document.addEventListener("pointerover", (event) => {
    if (!event.target.closest("#tip, .map td") && document.activeElement.tagName !== "TD") closeTip();
  });
}

function startCopying() {
  for (const button of all(".copy"))
    button.addEventListener("click", async () => {
      const code = button.parentElement.querySelector("code");
      getSelection().selectAllChildren(code);
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "Copied";
      } catch { button.textContent = "Selected"; }
    });
}

startTheme();
startSorting();
startOptimizers();
startMetric();
startTip();
startCopying();
