"use strict";
// Signs up both ways, presses the database's buttons, and draws what the server saw.

const poll_ms = 500;
const $ = (selector, within = document) => within.querySelector(selector);

// A column's way to sign up, and what it has seen.
const columns = {
  direct: { url: "/api/demo/direct/signup", succeeded: 0, failed: 0, waitingSince: null },
  pgballast: { url: "/auth/signup", succeeded: 0, failed: 0, waitingSince: null },
};

const connectionWords = {
  none: "not connected",
  connecting: "connecting",
  idle: "connected",
  busy: "connected",
  lost: "dead, and it does not know",
  closed: "connection closed",
};
const computeWords = {
  running: "Awake",
  waking: "Waking up …",
  stopping: "Stopping …",
  suspended: "Asleep",
  frozen: "Network frozen",
};

let now = null; // the server's last answer

// --- signing up ---------------------------------------------------------------

function duration(ms) {
  return ms < 1000 ? `${Math.max(1, Math.round(ms))} ms` : `${(ms / 1000).toFixed(2)} s`;
}

function suggestion() {
  return `visitor-${crypto.getRandomValues(new Uint16Array(1))[0]}@example.com`;
}

// The database's share, which hashing the password does not blur.
function databaseTime(reply, started) {
  const timing = /\bdb;dur=([\d.]+)/.exec(reply.headers.get("Server-Timing") || "");
  return timing ? Number(timing[1]) : performance.now() - started;
}

function show(name, kind, headline, time, said, kindly = false) {
  const column = document.getElementById(name);
  column.classList.remove("good", "bad", "waiting");
  if (kind) column.classList.add(kind);
  $(".headline", column).textContent = headline;
  $(".time", column).textContent = time;
  $(".said", column).textContent = said || "";
  $(".said", column).hidden = !said;
  $(".said", column).classList.toggle("kind", kindly);
}

async function post(url, what) {
  const body = what === undefined ? {} : {
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(what),
  };
  const reply = await fetch(url, { method: "POST", ...body });
  return [reply, await reply.json()];
}

async function signUp(name, filled) {
  const column = columns[name];
  const started = column.waitingSince = performance.now();
  show(name, "waiting", "Signing up …", "", "");
  try {
    const [reply, answer] = await post(column.url, filled);
    const time = duration(databaseTime(reply, started));
    if (reply.ok) {
      ++column.succeeded;
      show(name, "good", "Signed up", `${answer.user.email}, answered in ${time}`, "");
    } else if (reply.status === 409) {
      show(name, "waiting", "Address taken", `answered in ${time}`, answer.error.message, true);
    } else if (reply.status === 422) {
      show(name, null, "Not sent to the database", "", "");
      return answer.error.fields;
    } else {
      ++column.failed;
      show(name, "bad", "Sign-up failed", `after ${time}`, answer.error.message);
    }
  } catch {
    show(name, "bad", "No answer", "", "The demo itself does not answer.");
  } finally {
    column.waitingSince = null;
  }
  return {};
}

function tellFields(errors) {
  for (const name of ["email", "password"]) {
    const text = errors[name] ? `It ${errors[name]}.` : "";
    document.getElementById(`${name}-error`).textContent = text;
    const input = document.getElementById(name);
    if (text) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  }
  const first = ["email", "password"].find((name) => errors[name]);
  if (first) document.getElementById(first).focus();
}

let suggested = suggestion();
$("#email").value = suggested;

$("#form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const filled = { email: $("#email").value, password: $("#password").value };
  const names = now && now.direct ? ["direct", "pgballast"] : ["pgballast"];
  $("#submit").disabled = true;
  tellFields({});
  const errors = await Promise.all(names.map((name) => signUp(name, filled)));
  $("#submit").disabled = false;
  tellFields(Object.assign({}, ...errors));
  if ($("#email").value === suggested && columns.pgballast.succeeded + columns.direct.succeeded > 0)
    $("#email").value = suggested = suggestion();
});

// A wait is counted where it is seen.
function tick() {
  for (const [name, column] of Object.entries(columns))
    if (column.waitingSince !== null) {
      const waited = performance.now() - column.waitingSince;
      if (waited > 300)
        $(".time", document.getElementById(name)).textContent = `${(waited / 1000).toFixed(1)} s so far`;
    }
  requestAnimationFrame(tick);
}
requestAnimationFrame(tick);

// --- buttons ------------------------------------------------------------------

async function press(button, url) {
  button.disabled = true;
  try {
    const [reply, answer] = await post(url);
    if (reply.ok) draw(answer);
  } catch {
    // The next poll says that the demo does not answer.
  } finally {
    button.disabled = false;
  }
}

for (const button of document.querySelectorAll("[data-act]"))
  button.addEventListener("click", () => press(button, `/api/demo/compute/${button.dataset.act}`));
$("#slow").addEventListener("change", (event) =>
  press(event.target, `/api/demo/compute/${event.target.checked ? "slow-wake" : "normal-wake"}`));
for (const name of Object.keys(columns))
  $(`#${name} .restart`).addEventListener("click", (event) =>
    press(event.target, `/api/demo/${name}/restart`).then(() =>
      show(name, null, "Restarted, with a new connection", "", "")));

// --- what the server saw --------------------------------------------------------

function drawCompute(state) {
  if (!state.simulated) return;
  const compute = state.compute ? state.compute.state : "unknown";
  $("#lamp").className = `lamp ${compute}`;
  const words = computeWords[compute] || "Not known";
  if ($("#compute-state").textContent !== words) $("#compute-state").textContent = words;
  const frozen = compute === "frozen";
  $("#freeze").dataset.act = frozen ? "thaw" : "freeze";
  $("#freeze").textContent = frozen ? "Thaw" : "Freeze";
  $("#freeze").setAttribute("aria-pressed", frozen);
  if (!$("#slow").disabled) $("#slow").checked = state.slowWake;
}

function count(number, one, many) {
  return `${number} ${number === 1 ? one : many}`;
}

function drawColumn(name, handle, pool) {
  const column = document.getElementById(name);
  $(".dot", column).className = `dot ${handle.state}`;
  $(".words", column).textContent = connectionWords[handle.state];
  $(".restart", column).hidden = handle.state !== "closed";
  const { succeeded, failed, waitingSince } = columns[name];
  const parts = [`${succeeded} signed up`, `${failed} failed`];
  const hidden = pool && pool.totals ? pool.totals.losses_hidden : 0;
  if (hidden > 0) parts.push(`${count(hidden, "lost connection", "lost connections")} hidden`);
  $(".tally", column).textContent = parts.join(" · ");
  if (waitingSince !== null && handle.notice) {
    $(".said", column).textContent = handle.notice;
    $(".said", column).classList.add("kind");
    $(".said", column).hidden = false;
  }
}

function draw(state) {
  now = state;
  document.querySelectorAll("[data-needs]").forEach((element) => {
    element.hidden = !state[element.dataset.needs];
  });
  $("#submit").textContent = state.direct ? "Sign up both ways" : "Sign up";
  drawCompute(state);
  drawColumn("pgballast", state.pgballast, state.pool);
  if (state.direct) drawColumn("direct", state.direct, null);
  drawTimeline(state);
}

// --- the time line ----------------------------------------------------------------

const laneNames = { compute: "Database", direct: "Directly", pgballast: "Through pgballast" };
const looks = {
  running: "up", waking: "wait", stopping: "wait", suspended: "sleep", frozen: "ice",
  idle: "up", busy: "wait", connecting: "wait", lost: "dead", closed: "broken",
};

function svg(name, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function drawMark(mark, x, y, height) {
  const group = svg("g", { class: `mark ${mark.kind}`, transform: `translate(${x} ${y + height / 2})` },
    svg("title", {}, mark.text));
  if (mark.kind === "done") {
    group.append(svg("path", { d: `M-4 ${-height / 2 - 7}h8l-4 6z` }));
  } else {
    group.append(svg("circle", { r: 9 }), svg("path", {
      d: mark.kind === "succeeded" ? "M-3.6 .3l2.4 2.6L3.8-2.8" : "M-3-3l6 6M3-3l-6 6",
    }));
  }
  return group;
}

function drawTimeline(state) {
  const picture = $("#timeline");
  const width = picture.clientWidth || 600;
  const narrow = width < 560;
  const left = narrow ? 0 : 150;
  const right = 10;
  const height = 22;
  const step = narrow ? 58 : 48;
  const top = narrow ? 24 : 12;
  const { now: end, window: span, lanes, marks } = state.timeline;
  const x = (at) => left + Math.max(0, (at - (end - span)) / span) * (width - left - right);
  const shown = Object.keys(laneNames).filter((name) =>
    name === "pgballast" || (name === "direct" ? state.direct : state.simulated));

  const parts = [];
  const bottom = top + shown.length * step - (step - height) + 10;
  for (let ago = 0; ago <= span; ago += narrow ? 60000 : 30000) {
    const at = x(end - ago);
    if (!narrow) parts.push(svg("line", { class: "grid", x1: at, x2: at, y1: top - 8, y2: bottom }));
    const anchor = ago === 0 ? "end" : ago === span && narrow ? "start" : "middle";
    parts.push(svg("text", { class: "axis", x: at, y: bottom + 16, "text-anchor": anchor },
      ago === 0 ? "now" : `−${ago / 1000} s`));
  }
  shown.forEach((name, index) => {
    const y = top + index * step;
    parts.push(svg("text", { class: "name", x: 0, y: narrow ? y - 9 : y + 16 }, laneNames[name]));
    parts.push(svg("rect", { class: "track", x: left, y, width: width - left - right, height, rx: 4 }));
    lanes[name].forEach((each, at) => {
      const next = lanes[name][at + 1];
      const from = x(each.from);
      const to = x(next ? next.from : end);
      if (looks[each.state] && to > from)
        parts.push(svg("rect", { class: looks[each.state], x: from, y, width: Math.max(1.5, to - from), height, rx: 2 },
          svg("title", {}, each.state)));
    });
    for (const mark of marks)
      if (mark.lane === name) parts.push(drawMark(mark, x(mark.at), y, height));
  });
  picture.setAttribute("viewBox", `0 0 ${width} ${bottom + 22}`);
  picture.setAttribute("height", bottom + 22);
  picture.replaceChildren(...parts);
  tellEvents(marks);
}

function tellEvents(marks) {
  const words = marks.slice(-8).map((mark) => `${laneNames[mark.lane]}: ${mark.text}`);
  if ($("#events").dataset.told === words.join()) return;
  $("#events").dataset.told = words.join();
  $("#events").replaceChildren(...words.map((text) => {
    const item = document.createElement("li");
    item.textContent = text;
    return item;
  }));
}

// --- polling ------------------------------------------------------------------

async function poll() {
  try {
    const reply = await fetch("/api/demo/state");
    draw(await reply.json());
    $("#offline").hidden = true;
  } catch {
    $("#offline").hidden = false;
  }
  setTimeout(poll, poll_ms);
}

$("#curl").textContent =
  `curl -X POST ${location.origin}/auth/signup \\\n` +
  "  -H 'Content-Type: application/json' \\\n" +
  `  -d '{"email":"testuser@example.com","password":"TestPass123"}'`;
window.addEventListener("resize", () => now && drawTimeline(now));
poll();
