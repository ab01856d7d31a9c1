// The page: listens to what happens, keeps the last minute, and draws it.
import { events, call, key } from "/page/wire.js";
import { draw } from "/page/timeline.js";

const MINUTE = 60;
const find = (id) => document.getElementById(id);
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
const seen = { about: {}, requests: new Map(), segments: [], decisions: [], now: 0, at: 0, shapes: {}, tiers: {}, promises: [0, 0], live: [] };
let colours = 0;

function take(news) {
  for (const row of news.rows) {
    if (row.is === "arrived") seen.requests.set(row.id, { ...row, colour: colours++, left: null });
    else if (row.is === "ran") seen.segments.push(row);
    else if (row.is === "decoded") seen.segments.push({ ...row, jobs: [row.id], gpus: [row.gpu], image: true });
    else if (row.is === "decided") seen.decisions.push(row);
    else if (row.is === "left" && seen.requests.has(row.id)) Object.assign(seen.requests.get(row.id), { left: row.at, fate: row.fate });
  }
  Object.assign(seen, { now: news.now, at: performance.now(), shapes: news.shapes, tiers: news.tiers, promises: news.promises, live: news.live });
  const oldest = news.now - MINUTE;
  seen.segments = seen.segments.filter((segment) => segment.end > oldest);
  seen.decisions = seen.decisions.filter((decision) => decision.at > oldest);
  for (const [id, request] of seen.requests) if (request.left !== null && Math.max(request.left, request.deadline) < oldest) seen.requests.delete(id);
  tell();
  if (still) draw(find("timeline"), seen, news.now, MINUTE);
}

const number = (value, digits = 0) => (Number.isFinite(value) ? value.toFixed(digits) : "-");
const pixels = (label) => label.split("x").reduce((product, side) => product * Number(side), 1);
const share = (part, whole) => (whole ? `${number((100 * part) / whole, 1)} %` : "-");
function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] : NaN;
}

function rows(body, lines) {
  body.replaceChildren(...lines.map((cells) => {
    const row = document.createElement("tr");
    cells.forEach((text, place) => {
      const cell = document.createElement(place ? "td" : "th");
      if (!place) cell.scope = "row";
      cell.textContent = text;
      row.append(cell);
    });
    return row;
  }));
}

function tell() {
  const times = seen.decisions.map((decision) => decision.ms);
  const last = seen.decisions.at(-1);
  const proven = seen.decisions.filter((decision) => decision.status === "optimal").length;
  const [on, all] = Object.values(seen.shapes).reduce(([a, b], [x, y]) => [a + x, b + y], [0, 0]);
  const figures = [
    ["On time, since the start", `${share(on, all)} of ${all}`],
    ["In the system", `${seen.live.length}`],
    ["GPUs in the plan", last ? `${last.gpus} of ${seen.about.gpus}` : "-"],
    ["Decisions in the last minute", `${seen.decisions.length}`],
    ["Time of a decision, p50", `${number(quantile(times, 0.5), 2)} ms`],
    ["p99", `${number(quantile(times, 0.99), 2)} ms`],
    ["Proven optimal", share(proven, seen.decisions.length)],
    ["By the greedy fallback", `${seen.decisions.filter((decision) => decision.fallback).length}`],
  ];
  if (seen.about.admission !== "all") figures.push(["Promises kept", `${share(...seen.promises)} of ${seen.promises[1]}`]);
  find("figures").replaceChildren(...figures.flatMap(([name, value]) => {
    const [term, data] = [document.createElement("dt"), document.createElement("dd")];
    [term.textContent, data.textContent] = [name, value];
    return [term, data];
  }));
  const tiers = Object.entries(seen.tiers).filter(([name]) => name);
  rows(find("classes").tBodies[0], [...Object.entries(seen.shapes).sort(([a], [b]) => pixels(a) - pixels(b)), ...tiers].map(([name, [part, whole]]) => [name, part, whole, share(part, whole)]));
  if (find("table").closest("details").open) rows(find("table").tBodies[0], [...seen.segments].reverse().slice(0, 60).flatMap((segment) => segment.jobs.map((job) => [
    `${job}`, seen.requests.get(job)?.shape ?? "", segment.image ? "image" : `${segment.steps}`, segment.gpus.join(" "), `${number(segment.start, 2)}, ${number(segment.end, 2)}`])));
}

let spoken = 0;
function speak() {
  const missed = [...seen.requests.values()].filter((request) => request.fate === "late" || request.fate === "dropped").length;
  find("words").textContent = `${seen.segments.filter((segment) => !segment.image).length} stretches of steps, ${seen.requests.size} requests, ${missed} of them missed their deadline; ${seen.live.length} in the system now.`;
}

function frame(time) {
  if (time - spoken > 5000) { spoken = time; speak(); }
  if (seen.at && !still) draw(find("timeline"), seen, seen.now + (seen.about.speed * (performance.now() - seen.at)) / 1000, MINUTE);
  requestAnimationFrame(frame);
}

async function sizes() {
  const info = await (await call("/server_info")).json();
  find("ask").elements.size.replaceChildren(...info.sizes.map((size) => new Option(size, size, size === "1024x1024", size === "1024x1024")));
  const tiers = Object.keys(info.tiers);
  find("tier-label").hidden = !tiers.length;
  find("ask").elements.tier.replaceChildren(new Option("none", ""), ...tiers.map((name) => new Option(name, name)));
}

find("ask").addEventListener("submit", async (event) => {
  event.preventDefault();
  const fields = Object.fromEntries([...new FormData(event.target)].filter(([, value]) => value !== ""));
  for (const name of ["num_inference_steps", "slo_ms"]) if (name in fields) fields[name] = Number(fields[name]);
  const [said, picture] = [find("answer"), find("picture")];
  said.textContent = "waiting ...";
  try {
    const answer = await call("/v1/images/generations", fields);
    const body = await answer.json();
    if (!answer.ok) { said.textContent = body.error.message; return; }
    const met = answer.headers.get("x-deadline-met") === "1";
    said.textContent = `${met ? "✓ on time" : "× late"}: ${number(body.inference_time_s, 3)} s of ${answer.headers.get("x-deadline-s")} s (${answer.headers.get("x-request-id")})`;
    picture.src = `data:image/png;base64,${body.data[0].b64_json}`;
    picture.alt = fields.prompt;
    picture.hidden = false;
  } catch (error) { said.textContent = `${error.message}`; }
});

async function main() {
  for (;;) {
    try {
      for await (const [name, data] of events("/events")) {
        if (name === "about") {
          seen.about = data;
          seen.requests.clear(); seen.segments = []; seen.decisions = [];
          find("about").textContent = `${data.solver} on ${data.gpus} x ${data.profile}, ${data.engine}${data.speed === 1 ? "" : `, ${data.speed} times as fast as the clock`}; admission: ${data.admission}`;
          find("state").textContent = "connected";
          sizes();
        } else take(data);
      }
    } catch (error) {
      if (error.message === "key") await key(find("key"));
      else find("state").textContent = "the server is away; trying again";
    }
    await new Promise((done) => setTimeout(done, 1000));
  }
}

requestAnimationFrame(frame);
main();
