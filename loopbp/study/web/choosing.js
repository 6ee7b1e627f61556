"use strict";
/*
 * What is chosen: by a click on a part, or by its indices.
 */

/** Choose what a data-go names, for example "weight,1,2,0", "see,3" or "cost". */
function choose(key) {
  const [kind, ...numbers] = key.split(",");
  const [first, i, j] = numbers.map(Number);
  if (kind === "see") chosen.t = first;
  else if (kind === "example" || kind === "cost") {
    chosen.kind = "example";
    if (kind === "example") chosen.t = first;
  } else {
    Object.assign(chosen, { kind, l: first, i });
    if (kind === "weight") chosen.j = j;
    else chosen.j = Math.min(chosen.j ?? 0, model.architecture.sizes[Math.max(first - 1, 0)] - 1);
    if (first === model.L) chosen.output = i;
  }
  if (kind !== "see") show_loop(...default_loop());
  refresh();
}

/** The loop that computes what is chosen. */
function default_loop() {
  const { kind, l, i, j } = chosen;
  if (kind === "weight") return ["weight_gradient", l, i, j];
  if (kind === "bias") return ["bias_gradient", l, i, j];
  if (kind === "example") return ["example_losses", model.L, 0, 0];
  if (l === 0) return ["weighted_input", 1, 0, i];
  return [l === model.L ? "output_delta" : "hidden_delta", l, i, j];
}

/** Show a function of loops.py at an index, at its first term. */
function show_loop(name, l, i, j) {
  chosen.loop = { name, l: Math.max(l, 1), i, j, step: 0 };
}

/**
 * Read the index fields.  A number out of range is named with the valid range, if it is the one
 * that was changed; those that the change put out of range move into it.
 */
function choose_by_index(event) {
  const kind = $("kind").value;
  for (const [name, [low, high]] of Object.entries(index_limits(kind))) {
    const field = $(`index-${name}`);
    if (field === event.target) continue;
    field.value = Math.min(Math.max(field.valueAsNumber, low), high);
  }
  const limits = index_limits(kind);
  const read = {};
  for (const [name, [low, high]] of Object.entries(limits)) {
    const value = $(`index-${name}`).valueAsNumber;
    if (!Number.isInteger(value) || value < low || value > high) {
      $("index-message").textContent = `${name}: expected a whole number ${low} to ${high}`;
      return;
    }
    read[name] = value - low + (name === "layer" && kind !== "unit" ? 1 : 0);
  }
  $("index-message").textContent = "";
  chosen.t = read.example;
  if (kind === "example") choose(`example,${read.example}`);
  else choose([kind, read.layer, read.unit, ...(kind === "weight" ? [read.input] : [])].join(","));
}

/** The first and last number of each index field, as the conventions count. */
function index_limits(kind) {
  const { sizes } = model.architecture;
  const lowest = kind === "unit" ? 0 : 1;
  const wanted = $("index-layer").valueAsNumber - convention.input_layer;
  const l = Math.min(Math.max(Number.isInteger(wanted) ? wanted : chosen.l, lowest), model.L);
  const counted = (n) => [index(0), index(n - 1)];
  const limits = {};
  if (kind !== "example") {
    limits.layer = [layer_number(lowest), layer_number(model.L)];
    limits.unit = counted(sizes[l]);
  }
  if (kind === "weight") limits.input = counted(sizes[l - 1]);
  limits.example = counted(model.m);
  return limits;
}
