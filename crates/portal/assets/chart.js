// Draws the chart over the server's picture, from the numbers that stand in the page as JSON.
// uPlot is loaded before this module as a classic script.

const plot = document.querySelector(".plot");
const legend = document.querySelector(".legend");
let chart = null;
let drawn = "";

function read() {
  return document.getElementById("chart-data")?.textContent ?? "";
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function columns(data) {
  return [data.at, data.unique, data.invalid, data.conversions];
}

function label(data, seconds, long) {
  const options = data.span === "day" ? { hour: "2-digit", minute: "2-digit" } : { day: "numeric", month: "short" };
  if (long && data.span === "day") options.weekday = "short";
  return new Intl.DateTimeFormat(document.documentElement.lang, { ...options, hourCycle: "h23", timeZone: data.zone }).format(seconds * 1000);
}

// A scale from zero that ends a little above the highest value, also where there is none.
const fromZero = (_, __, max) => [0, Math.max(4, (max ?? 0) * 1.12)];
// Half a step of air at both ends, so that the first and last bar are whole.
function withAir(self, min, max) {
  const at = self.data[0];
  const step = at.length > 1 ? at[1] - at[0] : 3600;
  return [min - step / 2, max + step / 2];
}

function options(data) {
  const line = colour("--line");
  const muted = colour("--muted");
  const font = "12px system-ui, sans-serif";
  const whole = (_, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? tick.toLocaleString("en") : ""));
  return {
    width: plot.clientWidth,
    height: plot.clientHeight,
    legend: { show: false },
    padding: [8, 0, 0, 0],
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
    scales: { x: { time: true, range: withAir }, clicks: { range: fromZero }, sales: { range: (_, __, max) => [0, Math.max(4, (max ?? 0) * 2.6)] } },
    axes: [
      { stroke: muted, font, grid: { show: false }, ticks: { show: false }, size: 28, space: 56, values: (_, ticks) => ticks.map((tick) => label(data, tick)) },
      { scale: "clicks", stroke: muted, font, grid: { stroke: line, width: 1 }, ticks: { show: false }, size: 48, values: whole },
      { scale: "sales", side: 1, stroke: colour("--sales"), font, grid: { show: false }, ticks: { show: false }, size: 40, values: whole },
    ],
    series: [
      {},
      { scale: "clicks", stroke: colour("--clicks"), fill: colour("--clicks-fill"), width: 2, paths: uPlot.paths.spline(), points: { show: false } },
      { scale: "clicks", stroke: colour("--strong-line"), width: 1.5, dash: [4, 4], points: { show: false } },
      { scale: "sales", stroke: colour("--sales"), fill: colour("--sales"), width: 0, paths: uPlot.paths.bars({ size: [0.45, 12], radius: 0.3 }), points: { show: false } },
    ],
    hooks: { setCursor: [(self) => tell(data, self.cursor.idx)] },
  };
}

function tell(data, index) {
  if (!legend) return;
  const values = [data.unique, data.invalid, data.conversions];
  const shown = index ?? null;
  legend.querySelectorAll("strong").forEach((strong, at) => {
    strong.textContent = shown === null ? strong.dataset.sum : values[at][shown].toLocaleString("en");
  });
  const when = legend.querySelector(".when");
  if (when) when.textContent = shown === null ? when.dataset.all : label(data, data.at[shown], true);
}

function draw(anew) {
  const text = read();
  if (!plot || !text || typeof uPlot === "undefined" || (text === drawn && !anew)) return;
  const data = JSON.parse(text);
  drawn = text;
  chart?.destroy();
  plot.replaceChildren();
  chart = new uPlot(options(data), columns(data), plot);
}

draw(true);
if (plot) {
  // Observed is the parent: the chart's own canvas must not hold the plot open when the window narrows.
  new ResizeObserver(() => {
    if (chart && plot.clientWidth !== chart.width) chart.setSize({ width: plot.clientWidth, height: plot.clientHeight });
  }).observe(plot.parentElement);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw(true));
  document.addEventListener("htmx:after:swap", () => draw(false));
}
