"use strict";
/*
 * What the page knows: the network, theta as the reader has moved it, what is chosen, what was.
 * Every change of theta goes through `update`, which computes all quantities anew and writes them.
 */

const $ = (id) => document.getElementById(id);
const MOST_PARAMETERS = 60; // rows of the table of theta
const MOST_SNAPSHOTS = 50; // of theta that can be undone

const model = read_model(JSON.parse($("data").textContent));
const theta = model.theta.slice();
const chosen = { ...model.start, output: 0, step: 0, loop: null, difference: null };
const past = []; // {theta, J, said}: before each change
const opened = new Set(); // the <details> that stand open
let now = compute(theta, model.architecture, model.X, model.Y);
const at_load = compute(model.theta, model.architecture, model.X, model.Y);
let costs = [now.J];
let last_step = null; // theta before the last training step
let editing = false;

/** The embedded data with its vectors as typed arrays. */
function read_model(data) {
  const rows = (matrix) => matrix.map((values) => Float64Array.from(values));
  const architecture = make_architecture(data.network);
  return {
    ...data,
    architecture,
    theta: Float64Array.from(data.theta),
    X: rows(data.X),
    Y: rows(data.Y),
    L: layer_count(architecture),
    m: data.X.length,
    n_outputs: architecture.sizes.at(-1),
  };
}

/* ---- changing theta -------------------------------------------------------------------------- */

/** Keep theta, so that the next change can be undone. */
function remember(said) {
  past.push({ theta: theta.slice(), costs: costs.slice(), last_step, said });
  if (past.length > MOST_SNAPSHOTS) past.shift();
}

/** Give the chosen weight or bias a value. */
function set_value(value) {
  if (!Number.isFinite(value)) return;
  if (!editing) remember("the change of a value");
  editing = true;
  const { kind, l, i, j } = chosen;
  theta[position_of(model.architecture, l, i, kind === "bias" ? null : j)] = value;
  update();
}

function train() {
  const rate = $("rate").valueAsNumber;
  if (!(rate > 0 && rate <= 1000)) {
    $("train-message").textContent = "learning rate: expected a number above 0, at most 1000";
    return;
  }
  remember("a training step");
  const before = now.J;
  last_step = theta.slice();
  for (let k = 0; k < theta.length; k += 1) theta[k] -= rate * now.gradient[k];
  update();
  costs.push(now.J);
  const show = (value) => format(value, Math.max(convention.digits, 4));
  const diverged = Number.isFinite(now.J) ? "" : ". It diverged: undo, and take a smaller rate";
  $("train-message").textContent =
    `Step ${costs.length - 1}: J ${show(before)} → ${show(now.J)}${diverged}`;
  refresh();
}

function undo() {
  const kept = past.pop();
  if (!kept) return;
  theta.set(kept.theta);
  ({ costs, last_step } = kept);
  $("train-message").textContent = `Undid ${kept.said}.`;
  update();
}

function reset() {
  remember("the reset");
  theta.set(model.theta);
  costs = [at_load.J];
  last_step = null;
  $("train-message").textContent = "θ is as it was at load.";
  update();
}

/** All quantities at the present theta, and all that is shown. */
function update() {
  now = compute(theta, model.architecture, model.X, model.Y);
  refresh();
}
