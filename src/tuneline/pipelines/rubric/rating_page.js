/* One prompt at a time. `cells` holds what was entered, by the sheet's row number and column. */

const sheet = JSON.parse(document.getElementById("sheet").textContent);
const KEPT = `tuneline-ratings-${sheet.name}`;
const RATING_COLUMNS = sheet.columns.filter((column) => /^[AB]: /.test(column));
const SIDES = ["A", "B"];
const [CHOICE, BETTER, REPLACED] = ["choice", "better answer", "better than"];
const find = (id) => document.getElementById(id);
let state = { rater: "", place: 0, cells: {} };
let changed = false;
let typed = null;

function isRating(value) {
  return Number.isInteger(value) && value >= sheet.least && value <= sheet.most;
}

/* What is kept may have been written by another page of this computer: only what fits is taken. */
function recall() {
  let found = null;
  try {
    found = JSON.parse(localStorage.getItem(KEPT));
    localStorage.setItem(KEPT, JSON.stringify(found));
  } catch {
    find("unkept").hidden = false;
  }
  if (typeof found?.rater === "string") state.rater = found.rater;
  if (sheet.rows[found?.place]) state.place = found.place;
  for (const { number } of sheet.rows) {
    const old = found?.cells?.[number] ?? {};
    const kept = {};
    for (const column of RATING_COLUMNS) if (isRating(old[column])) kept[column] = old[column];
    if (sheet.choices.includes(old[CHOICE])) kept[CHOICE] = old[CHOICE];
    if (typeof old[BETTER] === "string") kept[BETTER] = old[BETTER];
    if (["A", "B", "both"].includes(old[REPLACED])) kept[REPLACED] = old[REPLACED];
    state.cells[number] = kept;
  }
}

function keep() {
  changed = true;
  try {
    localStorage.setItem(KEPT, JSON.stringify(state));
    find("unkept").hidden = true;
  } catch {
    find("unkept").hidden = false;
  }
}

function getCells() {
  return state.cells[sheet.rows[state.place].number];
}

function enter(column, value) {
  if (value === null || value === "") delete getCells()[column];
  else getCells()[column] = value;
  keep();
  showProgress();
}

function isFinished(row) {
  const cells = state.cells[row.number];
  return [CHOICE, ...RATING_COLUMNS].every((column) => column in cells);
}

function addElement(parent, name, text, properties = {}) {
  const element = document.createElement(name);
  Object.assign(element, properties);
  if (text !== null) element.textContent = text;
  parent.append(element);
  return element;
}

/* One scale of radio buttons for each criterion and answer. */
function buildCriteria() {
  Object.entries(sheet.criteria).forEach(([criterion, description]) => {
    const box = addElement(find("criteria"), "div", null, { className: "criterion" });
    addElement(box, "h3", criterion, { dir: "auto" });
    addElement(box, "p", description, { className: "note", dir: "auto" });
    const scales = addElement(box, "div", null, { className: "scales" });
    for (const side of SIDES) {
      const column = `${side}: ${criterion}`;
      const scale = addElement(scales, "fieldset", null, { className: "scale" });
      addElement(scale, "legend", side).setAttribute("aria-label", `${criterion}, answer ${side}`);
      for (let rating = sheet.least; rating <= sheet.most; rating += 1) {
        const label = addElement(scale, "label", null);
        const input = addElement(label, "input", null, { type: "radio", name: column, value: rating });
        input.addEventListener("change", () => enter(column, rating));
        addElement(label, "span", String(rating));
      }
    }
  });
}

function show() {
  const row = sheet.rows[state.place];
  const cells = getCells();
  find("prompt").textContent = row.prompt;
  find("reference-box").hidden = row.reference === null;
  find("reference").textContent = row.reference ?? "";
  for (const side of SIDES) find(`answer-${side}`).textContent = row[`answer ${side}`];
  for (const input of document.querySelectorAll("input[type=radio]")) {
    const column = { choice: CHOICE, "better-than": REPLACED }[input.name] ?? input.name;
    input.checked = String(cells[column] ?? "") === input.value;
  }
  find("better").value = cells[BETTER] ?? "";
  find("previous").disabled = state.place === 0;
  find("next").disabled = state.place === sheet.rows.length - 1;
  showProgress();
}

function showProgress() {
  const finished = sheet.rows.filter(isFinished).length;
  find("place").textContent = `Prompt ${state.place + 1} of ${sheet.rows.length}`;
  find("progress").value = finished;
  find("finished").textContent = `${finished} finished`;
}

function go(place) {
  if (!sheet.rows[place]) return;
  state.place = place;
  keep();
  show();
  find("prompt").focus({ preventScroll: true });
  window.scrollTo(0, 0);
}

function goToUnfinished() {
  const { length } = sheet.rows;
  const places = Array.from({ length }, (_, step) => (state.place + 1 + step) % length);
  const open = places.find((place) => !isFinished(sheet.rows[place]));
  if (open === undefined) say("Every prompt is finished: save the file.");
  else go(open);
}

function say(text) {
  find("said").textContent = text;
}

function choose(choice) {
  document.querySelector(`input[name=choice][value="${choice}"]`).checked = true;
  enter(CHOICE, choice);
}

function startFrom(side) {
  const better = find("better");
  if (better.value && !confirm("Replace what you have written?")) return;
  better.value = sheet.rows[state.place][`answer ${side}`];
  enter(BETTER, better.value);
  document.querySelector(`input[name=better-than][value="${side}"]`).checked = true;
  enter(REPLACED, side);
  better.focus();
}

function save() {
  const rater = state.rater.trim();
  if (!rater) {
    say("Enter your name first: the file is called by it.");
    find("rater").focus();
    return;
  }
  const saved = `${new Date().toISOString().slice(0, 19)}+00:00`;
  const rows = sheet.rows.map((row) => ({ ...row, ...state.cells[row.number], rater, saved }));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(makeWorkbook([...sheet.columns, "rater", "saved"], rows));
  link.download = `${rater.replace(/[^\p{L}\p{N}_-]+/gu, "_")}.xlsx`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  changed = false;
  say(`Saved as ${link.download}: ${sheet.rows.filter(isFinished).length} of ${sheet.rows.length} prompts are finished.`);
}

function forget() {
  if (!confirm("Delete everything that was entered on this page?")) return;
  try {
    localStorage.removeItem(KEPT);
  } catch { /* Nothing is kept. */ }
  state = { rater: "", place: 0, cells: Object.fromEntries(sheet.rows.map((row) => [row.number, {}])) };
  changed = false;
  find("rater").value = "";
  say("");
  show();
}

/* A digit rates the scale that has the focus; 1 and then 0 is ten. */
function rate(digit, input) {
  const isTen = digit === 0 && typed === input.name;
  const rating = isTen ? 10 : digit;
  typed = digit === 1 ? input.name : null;
  const [wanted] = [...document.getElementsByName(input.name)].filter((one) => one.value === String(rating));
  if (!wanted) return;
  wanted.checked = true;
  wanted.focus();
  enter(input.name, rating);
}

function clearRadio(input) {
  for (const one of document.getElementsByName(input.name)) one.checked = false;
  enter({ choice: CHOICE, "better-than": REPLACED }[input.name] ?? input.name, null);
}

/* The letter or digit of a key, also on a keyboard with other letters. */
function nameKey(event) {
  if (/^[a-z0-9]$/i.test(event.key)) return event.key.toLowerCase();
  const code = /^(?:Key|Digit|Numpad)([A-Z0-9])$/.exec(event.code);
  return code ? code[1].toLowerCase() : event.key;
}

const KEYS = {
  a: () => choose("A"),
  b: () => choose("B"),
  g: () => choose("both good"),
  x: () => choose("both bad"),
  r: () => {
    const [first] = document.getElementsByName(RATING_COLUMNS[0]);
    (document.querySelector(".scale input:checked")?.name === first.name
      ? document.querySelector(".scale input:checked") : first).focus();
  },
  e: () => find("better").focus(),
  n: () => go(state.place + 1),
  p: () => go(state.place - 1),
  u: goToUnfinished,
  s: save,
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const { target } = event;
  const isRadio = target.matches("input[type=radio]");
  if (target.matches("textarea, input:not([type=radio])")) {
    if (event.key === "Escape") target.blur();
    return;
  }
  const key = nameKey(event);
  const isDigit = /^[0-9]$/.test(key);
  if (!isDigit) typed = null;
  if (isDigit && isRadio && RATING_COLUMNS.includes(target.name)) rate(Number(key), target);
  else if (isRadio && ["Backspace", "Delete"].includes(key)) clearRadio(target);
  else if (Object.hasOwn(KEYS, key)) KEYS[key]();
  else return;
  event.preventDefault();
});

recall();
buildCriteria();
for (const input of document.getElementsByName("choice")) input.addEventListener("change", () => enter(CHOICE, input.value));
for (const input of document.getElementsByName("better-than")) input.addEventListener("change", () => enter(REPLACED, input.value));
for (const side of SIDES) find(`from-${side}`).addEventListener("click", () => startFrom(side));
find("better").addEventListener("input", () => enter(BETTER, find("better").value));
find("rater").value = state.rater;
find("rater").addEventListener("input", () => { state.rater = find("rater").value; keep(); });
find("previous").addEventListener("click", () => go(state.place - 1));
find("next").addEventListener("click", () => go(state.place + 1));
find("save").addEventListener("click", save);
find("forget").addEventListener("click", forget);
window.addEventListener("beforeunload", (event) => { if (changed && !find("unkept").hidden) event.preventDefault(); });
show();
