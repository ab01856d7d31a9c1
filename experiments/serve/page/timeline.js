// The timeline: one row a GPU, one colour a request, deadlines as lines, what was missed as crosses.
const COLOURS = ["#4e79a7", "#f28e2b", "#59a14f", "#b07aa1", "#e15759", "#76b7b2", "#edc948", "#9c755f", "#ff9da7", "#3f8f8b", "#8c6bb1", "#7a7a3a"];
const LEFT = 44, TOP = 18, BOTTOM = 22;

export function draw(canvas, seen, now, minute) {
  const scale = devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
  if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale);
  const pen = canvas.getContext("2d"), style = getComputedStyle(document.documentElement);
  const [ink, soft, line] = ["--ink", "--soft", "--line"].map((name) => style.getPropertyValue(name));
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  const gpus = seen.about.gpus || 1, ahead = 0.12 * minute, row = (height - TOP - BOTTOM) / gpus;
  const x = (time) => LEFT + ((time - now + minute) / (minute + ahead)) * (width - LEFT - 8), y = (gpu) => TOP + gpu * row;
  pen.font = "11px system-ui, sans-serif";
  pen.textBaseline = "middle";
  pen.strokeStyle = line;
  pen.fillStyle = soft;
  for (let gpu = 0; gpu <= gpus; gpu++) if (row > 3 || gpu % 8 === 0) stroke(pen, LEFT, y(gpu), width - 8, y(gpu));
  const every = Math.max(1, Math.ceil(12 / row));
  pen.textAlign = "right";
  for (let gpu = 0; gpu < gpus; gpu += every) pen.fillText(`GPU ${gpu}`, LEFT - 4, y(gpu) + row / 2);
  pen.textAlign = "center";
  for (let back = 0; back <= minute; back += 10) pen.fillText(back ? `-${back} s` : "now", x(now - back), height - BOTTOM / 2);
  pen.save();
  pen.beginPath();
  pen.rect(LEFT, 0, width - LEFT, height);
  pen.clip();
  for (const segment of seen.segments) for (const job of segment.jobs) bar(pen, seen, segment, job, x, y, row);
  deadlines(pen, seen, now, x, y, gpus, ink, soft);
  pen.strokeStyle = soft;
  pen.setLineDash([3, 3]);
  stroke(pen, x(now), TOP, x(now), y(gpus));
  pen.setLineDash([]);
  pen.restore();
}

function bar(pen, seen, segment, job, x, y, row) {
  const colour = seen.requests.get(job)?.colour ?? job, left = x(segment.start), wide = Math.max(1, x(segment.end) - left);
  pen.fillStyle = COLOURS[colour % COLOURS.length];
  const gap = row > 4 ? 1 : 0, batch = segment.jobs.indexOf(job) / segment.jobs.length;
  for (const gpu of segment.gpus) pen.fillRect(left, y(gpu) + gap + batch * (row - gap), wide - 0.5, (row - gap) / segment.jobs.length);
  if (segment.image) hatch(pen, left, y(segment.gpus[0]) + gap, wide - 0.5, row - gap);
  const text = `${job}`, first = segment.gpus[0], rows = segment.gpus.length;
  if (wide > 7 * text.length && rows * row > 11) {
    pen.fillStyle = "#fff";
    pen.lineWidth = 2.5;
    pen.strokeStyle = "rgba(0, 0, 0, .55)";
    pen.strokeText(text, left + wide / 2, y(first) + (rows * row) / 2);
    pen.fillText(text, left + wide / 2, y(first) + (rows * row) / 2);
    pen.lineWidth = 1;
  }
}

// An image that a GPU decodes: what would be steps, with stripes.
function hatch(pen, left, top, wide, high) {
  pen.save();
  pen.beginPath();
  pen.rect(left, top, wide, high);
  pen.clip();
  pen.strokeStyle = "rgba(255, 255, 255, .75)";
  pen.lineWidth = 2;
  for (let at = left - high; at < left + wide; at += 6) stroke(pen, at, top + high, at + high, top);
  pen.restore();
}

function deadlines(pen, seen, now, x, y, gpus, ink, soft) {
  for (const request of seen.requests.values()) {
    if (request.refused) continue;
    const at = x(request.deadline), gone = request.fate !== undefined, met = request.fate === "on_time";
    pen.strokeStyle = met ? soft : ink;
    pen.globalAlpha = met ? 0.35 : 0.9;
    stroke(pen, at, TOP - 4, at, met || request.fate === "cancelled" ? TOP + 4 : y(gpus));
    pen.globalAlpha = 1;
    pen.fillStyle = gone && !met ? "#c62828" : soft;
    if (gone && request.fate !== "cancelled") pen.fillText(met ? "✓" : "×", at, TOP - 10);
  }
}

function stroke(pen, x0, y0, x1, y1) {
  pen.beginPath();
  pen.moveTo(x0, y0);
  pen.lineTo(x1, y1);
  pen.stroke();
}
