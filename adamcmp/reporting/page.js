// The page's controls: sorting, hidden optimizers, the metric. Text from data is set by textContent
// only, so that it is never parsed as HTML.

const one = (selector) => document.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const state = { metric: null, hidden: new Set() };
const metricName = (metric) => DATA.headings[metric];

// The reader's selections, kept over reloads where the browser allows it.
const memory = {
  get(name) {
    try { return JSON.parse(sessionStorage.getItem("adamcmp " + name)); } catch { return null; }
  },
  set(name, content) {
    try { sessionStorage.setItem("adamcmp " + name, JSON.stringify(content)); } catch { /* private browsing */ }
  },
};

function startTheme() {
  const root = document.documentElement, button = one("#theme");
  const show = (dark) => {
    root.dataset.theme = dark ? "dark" : "light";
    button.textContent = dark ? "Light theme" : "Dark theme";
  };
  const system = matchMedia("(prefers-color-scheme: dark)");
  show(memory.get("dark") ?? system.matches);
  system.addEventListener("change", () => show(memory.get("dark") ?? system.matches));
  button.addEventListener("click", () => {
    memory.set("dark", root.dataset.theme !== "dark");
    show(memory.get("dark") ?? root.dataset.theme !== "dark");
  });
}

// Sort by a column, in the other direction the second time. Missing values stay last.
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

// Hide the optimizers that are not checked, in all tables and drawings.
function showOptimizers() {
  const hidden = (names) => names.some((name) => state.hidden.has(name));
  for (const row of all("[data-optimizers]"))
    row.classList.toggle("is-hidden", hidden(JSON.parse(row.dataset.optimizers)));
  for (const element of all("[data-optimizer]"))
    element.classList.toggle("is-hidden", hidden([element.dataset.optimizer]));
}

function startOptimizers() {
  const boxes = all("input[name=optimizer]");
  const read = () => {
    state.hidden = new Set(boxes.filter((box) => !box.checked).map((box) => box.value));
  };
  const kept = new Set(memory.get("hidden") ?? []);
  for (const box of boxes) {
    box.checked = !kept.has(box.value);
    box.addEventListener("change", () => {
      read();
      memory.set("hidden", [...state.hidden]);
      drawStrip();
      showOptimizers();
    });
  }
  read();
}

// Show the selected metric: its drawings, and its rows in tables of several metrics.
function showMetric() {
  for (const table of all("table.sortable")) {
    const rows = all("[data-row-metric]", table);
    const measured = rows.some((row) => row.dataset.rowMetric === state.metric);
    for (const row of rows) row.hidden = measured && row.dataset.rowMetric !== state.metric;
  }
  for (const name of all(".metric-name")) name.textContent = metricName(state.metric);
  drawCells();
  drawStrip();
  showOptimizers();
  for (const element of all(".scroll")) widths.observe(element);
}

function startMetric() {
  const select = one("#metric"), kept = memory.get("metric");
  if (kept in DATA.metrics) select.value = kept;
  state.metric = select.value;
  select.addEventListener("change", () => {
    state.metric = select.value;
    memory.set("metric", state.metric);
    showMetric();
  });
  showMetric();
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

// Marks tables and drawings that are wider than the page, since phones show no scroll bars.
const widths = new ResizeObserver((entries) => {
  for (const { target } of entries)
    target.classList.toggle("is-wide", target.scrollWidth > target.clientWidth + 1);
});

// Print what is folded, too.
function startPrinting() {
  addEventListener("beforeprint", () => all("details").forEach((details) => { details.open = true; }));
}

startTheme();
startSorting();
startOptimizers();
startMetric();
startTip();
startCopying();
startPrinting();
