"use strict";

const $ = (id) => document.getElementById(id);
const pad = $("pad"), ink = pad.getContext("2d", { willReadFrequently: true });
let about = null; // what the server says of model and board
let next = 0; // number of the next sample
let cursor = { x: pad.width / 2, y: pad.height / 2 }; // of the keyboard
let held = null; // samples of the picture or sample that the pad shows; null where it is a drawing

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function clear() {
  ink.fillStyle = "#000";
  ink.fillRect(0, 0, pad.width, pad.height);
  held = null;
}

// --- drawing ---

const BRUSH = 20;

function draw(from, to) {
  ink.strokeStyle = "#fff";
  ink.lineWidth = BRUSH;
  ink.lineCap = ink.lineJoin = "round";
  ink.beginPath();
  ink.moveTo(from.x, from.y);
  ink.lineTo(to.x, to.y + 0.01); // a point is a line, too
  ink.stroke();
}

function place(event) {
  const box = pad.getBoundingClientRect();
  const scale = pad.width / box.width;
  return { x: (event.clientX - box.left) * scale, y: (event.clientY - box.top) * scale };
}

let last = null;
pad.addEventListener("pointerdown", (event) => {
  if (!event.isPrimary || event.button) return;
  if (held) clear();
  pad.setPointerCapture(event.pointerId);
  last = place(event);
  draw(last, last);
});
pad.addEventListener("pointermove", (event) => {
  if (!last || !event.isPrimary) return;
  const to = place(event);
  draw(last, to);
  last = to;
});
pad.addEventListener("pointerup", (event) => {
  if (!last || !event.isPrimary) return;
  last = null;
  classify();
});
pad.addEventListener("pointercancel", () => { last = null; });

const STEP = 10;
const MOVES = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
let down = false; // the keyboard's brush
pad.addEventListener("keydown", (event) => {
  if (event.key in MOVES) {
    const [x, y] = MOVES[event.key];
    const to = {
      x: Math.min(pad.width - 1, Math.max(0, cursor.x + x)),
      y: Math.min(pad.height - 1, Math.max(0, cursor.y + y)),
    };
    if (down) draw(cursor, to);
    cursor = to;
  } else if (event.key === " ") {
    if (held) clear();
    down = !down;
    if (down) draw(cursor, cursor);
  } else if (event.key === "Delete") {
    clear();
  } else if (event.key === "Enter") {
    down = false;
    classify();
  } else {
    return;
  }
  pad.setAttribute("aria-label", `drawing pad, brush ${down ? "down" : "up"} at ${cursor.x}, ${cursor.y}`);
  event.preventDefault();
});

// --- pictures and samples ---

async function show(file) {
  const samples = await fitted(file);
  if (!samples) return;
  await lay(await createImageBitmap(file), samples);
}

/** Something on the pad that is no drawing, and the samples that it stands for. */
async function lay(source, samples) {
  clear();
  const scale = Math.min(pad.width / source.width, pad.height / source.height);
  const [width, height] = [source.width * scale, source.height * scale];
  ink.imageSmoothingEnabled = scale < 1;
  ink.drawImage(source, (pad.width - width) / 2, (pad.height - height) / 2, width, height);
  held = samples;
  await send(samples);
}

$("file").addEventListener("change", (event) => {
  if (event.target.files.length) show(event.target.files[0]);
  event.target.value = "";
});
for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    pad.classList.toggle("over", name === "dragover");
    if (name === "drop" && event.dataTransfer.files.length) show(event.dataTransfer.files[0]);
  });
}

async function sample() {
  const answer = await fetch(`samples/${next}`);
  if (!answer.ok) return;
  next = (next + 1) % about.samples;
  const samples = new Uint8Array(await answer.arrayBuffer());
  const [, height, width] = about.shape;
  const small = element("canvas", { width, height });
  paint(small, samples);
  await lay(small, samples);
}

// --- from the pad to the board's pixels ---

/** Samples that a picture's file is fitted to, as `hwgen run` does it; null, and the reason said, where it cannot be. */
async function fitted(file) {
  try {
    const answer = await fetch("picture", { method: "POST", body: file });
    if (answer.ok) return new Uint8Array(await answer.arrayBuffer());
    say("error", (await answer.json()).error);
  } catch {
    say("error", "hwgen demo gives no answer; is it still running?");
  }
  return null;
}

/** Samples on a canvas of the network's size. */
function paint(canvas, samples) {
  const [channels, height, width] = about.shape;
  const image = new ImageData(width, height);
  const most = 2 ** about.bits - 1;
  for (let i = 0; i < height * width; i++) {
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = samples[i * channels + (channels === 1 ? 0 : c)] * 255 / most;
    image.data[4 * i + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

// --- the answer ---

let asked = 0; // the last image is shown, whatever order answers come in
async function classify() {
  const drawn = () => new Promise((resolve) => pad.toBlob(resolve, "image/png"));
  const samples = held ?? await fitted(await drawn());
  if (samples) await send(samples);
}

async function send(samples) {
  const number = ++asked;
  paint($("seen"), samples);
  say("none", "asking the board");
  let answer, found;
  try {
    answer = await fetch("classify", { method: "POST", body: samples });
    found = await answer.json();
  } catch {
    say("error", "hwgen demo gives no answer; is it still running?");
    return;
  }
  if (number !== asked) return;
  if (!answer.ok) {
    say("error", found.error);
    return;
  }
  report(found);
}

function say(state, text) {
  $("light").dataset.state = state;
  $("verdict").textContent = text;
}

function report(found) {
  const layers = found.layers.every((layer) => layer.equal);
  if (found.equal && layers) {
    say("equal", "every layer and every logit equals the golden model");
  } else {
    say("different", found.equal ? "a layer differs from the golden model" : "the board's logits differ from the golden model's");
  }
  $("class").textContent = found.label;
  logits(found);
  timeline(found.layers);
  maps(found.layers);
  const cycles = found.layers.reduce((sum, layer) => sum + layer.planned, 0);
  const parts = [
    `${cycles.toLocaleString()} cycles` + (about.clock_mhz
      ? `, ${(cycles / about.clock_mhz).toLocaleString()} µs at ${about.clock_mhz} MHz` : ""),
    `answered after ${found.seconds} s`,
  ];
  if ("simulated_seconds" in found.status) {
    parts.push(`so far ${(1000 * found.status.simulated_seconds).toFixed(1)} ms of the board's time simulated in ` +
      `${found.status.seconds.toFixed(1)} s`);
  }
  $("times").textContent = parts.join("; ");
}

function row(name, left, width, value) {
  const bar = element("div", { className: "bar" });
  bar.style.left = `${100 * left}%`;
  bar.style.width = `${100 * width}%`;
  const made = element("div", { className: "row" }, element("span", { textContent: name, title: name }),
    element("div", { className: "track" }, bar), element("span", { textContent: value }));
  made.setAttribute("role", "listitem");
  return made;
}

function logits(found) {
  const low = Math.min(0, ...found.logits), high = Math.max(0, ...found.logits), range = high - low || 1;
  const rows = found.logits.map((logit, i) => {
    const made = row(about.classes[i] ?? String(i), (Math.min(0, logit) - low) / range, Math.abs(logit) / range, String(logit));
    if (i === found.class) made.classList.add("best");
    return made;
  });
  $("logits").replaceChildren(...rows);
}

function timeline(layers) {
  const total = layers.reduce((sum, layer) => sum + layer.planned, 0);
  const rows = layers.map((layer, i) => {
    const waits = i === layers.length - 1 && layer.cycles > layer.planned; // for the line
    const value = waits ? `${layer.planned.toLocaleString()} cycles` : `${layer.cycles.toLocaleString()} cycles`;
    return row(layer.name, layer.start / total, layer.planned / total, value);
  });
  $("timeline").replaceChildren(...rows);
}

function maps(layers) {
  $("maps").replaceChildren(...layers.map((layer) => {
    const [channels, height, width] = layer.shape;
    const title = element("h3", {}, `${layer.name}: ${channels} x ${height} x ${width}, `,
      element("span", { className: layer.equal ? "equal" : "different", textContent: layer.equal ? "equal" : "different" }));
    const pair = element("div", { className: "pair" },
      picture(layer, "simulated", "the hardware, simulated"), picture(layer, "golden", "the golden model"));
    return element("div", { className: "maps" }, title, pair);
  }));
}

/** A layer's feature maps beside one another, as near to a square as they go; single values as a map of their own. */
function picture(layer, key, caption) {
  let [channels, height, width] = layer.shape;
  const data = Uint8Array.from(atob(layer[key]), (c) => c.charCodeAt(0));
  const gap = height * width > 1 ? 1 : 0;
  const columns = Math.ceil(Math.sqrt(channels * (height + gap) / (width + gap)) * (gap ? 1.6 : 2));
  const rows = Math.ceil(channels / columns);
  const canvas = element("canvas", { width: columns * (width + gap) - gap, height: rows * (height + gap) - gap });
  const image = new ImageData(canvas.width, canvas.height);
  for (let c = 0; c < channels; c++) {
    const left = (c % columns) * (width + gap), top = Math.floor(c / columns) * (height + gap);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const at = 4 * ((top + y) * canvas.width + left + x);
        image.data.fill(data[(c * height + y) * width + x], at, at + 3);
        image.data[at + 3] = 255;
      }
    }
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
  const zoom = gap ? Math.min(4, Math.max(1, Math.floor(480 / canvas.width))) : 10;
  canvas.style.width = `${zoom * canvas.width}px`;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${layer.name}, ${caption}`);
  return element("figure", {}, canvas, element("figcaption", { textContent: caption }));
}

// --- beginning ---

$("classify").addEventListener("click", classify);
$("clear").addEventListener("click", () => { clear(); pad.focus(); });
$("sample").addEventListener("click", sample);

(async () => {
  clear();
  about = await (await fetch("about")).json();
  const [channels, height, width] = about.shape;
  Object.assign($("seen"), { width, height });
  $("about").textContent = `${about.model} on ${about.board}, array ${about.array.join(" x ")}, images of ` +
    `${height} x ${width}${channels > 1 ? ` x ${channels}` : ""}`;
  $("sample").hidden = !about.samples;
  document.body.dataset.ready = "yes";
})();
