"use strict";

// The plots, drawn from the JSON next to them.
const figures = JSON.parse(document.getElementById("figures").textContent);
const options = { displayModeBar: false, responsive: true };
for (const [name, figure] of Object.entries(figures)) {
  const place = document.getElementById("plot-" + name);
  const narrow = place.clientWidth < 520;
  const layout = { ...figure.layout, height: narrow ? 300 : 340, autosize: true };
  if (narrow) {
    layout.margin = { l: 44, r: 8, t: 76, b: 60 };
    layout.font = { ...layout.font, size: 11 };
  }
  // The numbers above the bars would run into each other.
  const data = narrow ? figure.data.map((trace) => ({ ...trace, text: null })) : figure.data;
  Plotly.newPlot(place, data, layout, options);
}

// The answers: filtered, and in the order that is asked for.
const all = document.getElementById("all");
const articles = Array.from(all.querySelectorAll("article"));
const order = document.getElementById("order");
const selects = Array.from(document.querySelectorAll("[data-filter]"));
const shown = document.getElementById("shown");
function filter() {
  const wanted = selects.filter((select) => select.value !== "");
  for (const article of articles) {
    article.hidden = wanted.some((select) => article.dataset[select.dataset.filter] !== select.value);
  }
  const count = articles.filter((article) => !article.hidden).length;
  shown.textContent = count + " of " + articles.length + " shown";
}
for (const select of selects) select.addEventListener("change", filter);
filter();

function sort() {
  const way = Number(order.value);
  const gain = (article) => (article.dataset.gain === "" ? way * Infinity : Number(article.dataset.gain));
  const compare = (one, other) => way * (gain(one) - gain(other)) || 0;
  all.append(...(way ? Array.from(articles).sort(compare) : articles));
}
order.addEventListener("change", sort);
sort();

// A link to an answer that the filter hides shows it.
window.addEventListener("hashchange", () => {
  const target = document.getElementById(location.hash.slice(1));
  if (!target || !target.hidden) return;
  for (const select of selects) select.value = "";
  filter();
  target.scrollIntoView();
});

// Paper has nothing to unfold.
window.addEventListener("beforeprint", () => {
  for (const folded of document.querySelectorAll("details")) folded.open = true;
});
