"use strict";
/*
 * The page: what is chosen, what is shown of it, and what the reader may do.  Every change goes
 * through `update`, which computes all quantities anew and writes them.
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

/* ---- the passes, step by step ---------------------------------------------------------------- */

/** One step for each array that the passes fill, in the order of forward and backward. */
function passes() {
  const { L } = model;
  const steps = [{ quantity: "a", l: 0, loop: null }];
  for (let l = 1; l <= L; l += 1) {
    steps.push(
      { quantity: "z", l, loop: "weighted_input" },
      { quantity: "a", l, loop: "activation" },
    );
  }
  steps.push({ quantity: "C", l: L, loop: "example_losses" });
  for (let l = L; l >= 1; l -= 1) {
    steps.push({ quantity: "delta", l, loop: l === L ? "output_delta" : "hidden_delta" });
    steps.push({ quantity: "dw", l, loop: "weight_gradient" });
  }
  steps.push({ quantity: "done", l: 0, loop: null });
  const lit = {
    z: ["unit"],
    a: ["unit"],
    delta: ["unit"],
    C: ["cost"],
    dw: ["weight", "bias", "gradient"],
    done: [],
  };
  for (const step of steps) {
    step.lights = (kind, l) =>
      lit[step.quantity].includes(kind) && (kind === "cost" || l === step.l);
  }
  return steps;
}

/** Whether the passes have filled an array by the present step. */
function reached(quantity, l) {
  return passes().findIndex((step) => step.quantity === quantity && step.l === l) <= chosen.step;
}

/** What the present step computes, with its numbers. */
function step_text() {
  const { quantity, l } = passes()[chosen.step];
  const { t } = chosen;
  const units = (name) => {
    const { shown, left } = pick(model.architecture.sizes[l], 0, MOST_UNITS);
    const lines = shown.map((i) => name(i)).join("");
    return lines + (left > 0 ? `<p class="note">… ${left} more units in the same way.</p>` : "");
  };
  const layer = layer_number(l);
  if (quantity === "done")
    return [
      "Both passes are done.",
      "<p>Every number is in its place. Train a step, or start again.</p>",
    ];
  if (quantity === "a" && l === 0) {
    const line = (i) =>
      equation(
        row(a_of(0, i), equals, sub(mi("x"), letter(i)), equals, mnum(...pair("a", 0, t, i))),
      );
    return [`Forward: example ${index(t)} is put in.`, units(line)];
  }
  if (quantity === "z")
    return [`Forward: the weighted inputs of layer ${layer}.`, units((i) => z_line(l, i, t))];
  if (quantity === "a") {
    const line = (i) =>
      equation(
        row(a_of(l, i), equals, mi("σ"), fence(mnum(...pair("z", l, t, i)))),
        row(equals, mnum(...pair("a", l, t, i))),
      );
    return [
      `Forward: the activations of layer ${layer}, σ = ${model.architecture.activation[l]}.`,
      units(line),
    ];
  }
  if (quantity === "C") {
    const C = row(example_loss(t), equals, mnum(...pair("C", t)));
    const J = row(mi("J"), equals, mnum(now.J, "J"), mtext(` over all ${now.m} examples`));
    return [
      `The loss of example ${index(t)}: ${model.architecture.loss}.`,
      equation(C) + equation(J),
    ];
  }
  if (quantity === "delta")
    return [
      `Backward: δ of layer ${layer}${l === model.L ? ", from the loss" : ""}.`,
      units((i) => delta_line(l, i, t)),
    ];
  const bias = { ...MATRIX_FORM.bias_gradient({ l, i: undefined })[0] };
  return [
    `Backward: the derivatives of layer ${layer}, over all ${now.m} examples.`,
    matrices([weight_matrix(l, {}, "dw"), ";", bias]),
  ];
}

/** z^l_i with its numbers put in. */
function z_line(l, i, t) {
  const weights = Array.from(now.w[l][i]);
  const start = row(z_of(l, i), equals, mnum(...pair("b", l, i)));
  const end = row(equals, mnum(...pair("z", l, t, i)));
  if (weights.length > MOST_UNITS) {
    const q = `z[${l}][${t}][${i}]-b[${l}][${i}]`;
    return equation(
      start,
      row(mo("+"), factor(now.z[l][t][i] - now.b[l][i], q), mtext(` (${weights.length} products)`)),
      end,
    );
  }
  const terms = weights.map((w, j) =>
    row(mo("+"), factor(w, `w[${l}][${i}][${j}]`), times, factor(...pair("a", l - 1, t, j))),
  );
  return equation(start, ...terms, end);
}

/** delta^l_i with its factors put in. */
function delta_line(l, i, t) {
  const { loss, activation: names } = model.architecture;
  const end = row(equals, mnum(...pair("delta", l, t, i)));
  if (l === model.L && is_canonical(loss, names[l])) {
    const inner = row(mnum(...pair("a", l, t, i)), minus, mnum(...pair("y", t, i)));
    const over = convention.factor === "loss" ? inner : row(frac(mn(1), mn(now.m)), fence(inner));
    return equation(row(delta_of(l, i), equals, over), end);
  }
  if (names[l] === "softmax")
    return equation(
      row(
        delta_of(l, i),
        equals,
        sum_over(mi("k")),
        partial(a_of(l, "k"), z_of(l, i)),
        partial(differentiated("t"), a_of(l, "k")),
      ),
      end,
    );
  const prime = factor(...pair("prime", l, t, i));
  const da = factor(...pair("da", l, t, i));
  return equation(row(delta_of(l, i), equals, prime, times, da), end);
}

/** Go to a step; the loop panel follows it. */
function go_to_step(step) {
  chosen.step = Math.min(Math.max(step, 0), passes().length - 1);
  const { loop, l } = passes()[chosen.step];
  if (loop)
    show_loop(loop, l, l === chosen.l && chosen.kind !== "example" ? chosen.i : 0, chosen.j);
  refresh();
}

/* ---- choosing -------------------------------------------------------------------------------- */

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

/* ---- showing --------------------------------------------------------------------------------- */

function refresh() {
  const { kind, l, i, j } = chosen;
  const parameter = kind === "weight" || kind === "bias";
  chosen.difference = parameter
    ? finite_difference(
        theta,
        model.architecture,
        model.X,
        model.Y,
        position_of(model.architecture, l, i, kind === "bias" ? null : j),
      )
    : null;
  refresh_network();
  refresh_choice(parameter);
  refresh_derivation();
  refresh_loop();
  refresh_examples();
  refresh_training();
}

function refresh_network() {
  const width = Math.floor($("drawing").clientWidth);
  if (drawing.signature !== drawing_signature(width)) {
    const focused = $("drawing").contains(document.activeElement)
      ? document.activeElement.dataset.go
      : null;
    draw($("drawing"), width);
    refresh_drawing();
    if (focused)
      drawing.parts.get(drawing.parts.has(focused) ? focused : chosen_key())?.group.focus();
  } else refresh_drawing();
  const steps = passes();
  const [title, body] = step_text();
  $("step-title").textContent = `Step ${chosen.step + 1} of ${steps.length}. ${title}`;
  $("step-body").innerHTML = body;
  // aria-disabled, not disabled: a button that is disabled when pressed would lose the focus
  for (const id of ["step-first", "step-back"])
    $(id).setAttribute("aria-disabled", chosen.step === 0);
  for (const id of ["step-next", "step-last"])
    $(id).setAttribute("aria-disabled", chosen.step === steps.length - 1);
  const partly = drawn_units().some(({ left }) => left > 0);
  $("drawn-in-part").hidden = !partly;
}

/** What is chosen, its value, and the quantities that follow it. */
function refresh_choice(parameter) {
  const { kind, l, i, j, t } = chosen;
  const title = $("choice-title");
  if (kind === "example") title.innerHTML = `Example ${index(t)}`;
  else if (kind === "unit") title.innerHTML = `${capital(unit_name(l, i))}: ${math(a_of(l, i))}`;
  else {
    const b = kind === "bias";
    const derivative = partial(mi("J"), parameter_symbol(l, i, b ? null : j));
    title.innerHTML = `${math(derivative)} ${capital(parameter_name(l, i, b ? null : j))}`;
  }
  refresh_index_fields();
  $("value-controls").hidden = !parameter;
  if (parameter) {
    const k = position_of(model.architecture, l, i, kind === "bias" ? null : j);
    const reach = Math.max(3, Math.ceil(2 * Math.abs(model.theta[k])));
    Object.assign($("value-slider"), { min: -reach, max: reach });
    $("value-slider").value = theta[k];
    $("value-slider").setAttribute("aria-valuetext", format(theta[k], convention.digits));
    $("value-symbol").innerHTML = math(parameter_symbol(l, i, kind === "bias" ? null : j));
    if (document.activeElement !== $("value-number")) $("value-number").value = theta[k];
  }
  $("follow").innerHTML = follow_table(parameter);
}

const capital = (text) => text[0].toUpperCase() + text.slice(1);

/** The quantities that depend on what is chosen: at load and now. */
function follow_table(parameter) {
  const { kind, l, i, j, t } = chosen;
  const line = (symbol, read, q) =>
    table_row(symbol, num(read(at_load), `at_load.${q}`), num(read(now), q));
  const lines = [];
  if (parameter) {
    const place = kind === "bias" ? `[${l}][${i}]` : `[${l}][${i}][${j}]`;
    const read = (q) => (kind === "bias" ? q.b[l][i] : q.w[l][i][j]);
    lines.push(
      line(
        math(parameter_symbol(l, i, kind === "bias" ? null : j)),
        read,
        `${kind === "bias" ? "b" : "w"}${place}`,
      ),
    );
  }
  if (kind !== "example" && l > 0) {
    lines.push(line(math(z_of(l, i)), (q) => q.z[l][t][i], `z[${l}][${t}][${i}]`));
    lines.push(line(math(a_of(l, i)), (q) => q.a[l][t][i], `a[${l}][${t}][${i}]`));
  }
  lines.push(line(math(example_loss(t)), (q) => q.C[t], `C[${t}]`));
  lines.push(line(math(mi("J")), (q) => q.J, "J"));
  if (kind !== "example" && l > 0) {
    lines.push(
      line(
        math(delta_of(l, i)),
        (q) => scaled(q.delta[l][t][i], q.m),
        scaled_q(`delta[${l}][${t}][${i}]`),
      ),
    );
  }
  if (parameter) {
    const symbol = math(partial(mi("J"), parameter_symbol(l, i, kind === "bias" ? null : j)));
    if (kind === "bias") lines.push(line(symbol, (q) => q.db[l][i], `db[${l}][${i}]`));
    else lines.push(line(symbol, (q) => q.dw[l][i][j], `dw[${l}][${i}][${j}]`));
    const q = `fd(${l},${i},${kind === "bias" ? "None" : j})`;
    lines.push(table_row("finite difference", "", num(chosen.difference.value, q)));
  }
  return table(`What follows it, for example ${index(t)}`, ["", "at load", "now"], lines);
}

function refresh_index_fields() {
  const { kind, l, i, j, t } = chosen;
  $("kind").value = kind;
  const values = {
    layer: layer_number(l),
    unit: index(i),
    input: index(j ?? 0),
    example: index(t),
  };
  for (const [name, value] of Object.entries(values)) {
    if (document.activeElement !== $(`index-${name}`)) $(`index-${name}`).value = value;
  }
  set_index_limits();
}

/** Which index fields there are for a kind, and their ranges. */
function set_index_limits() {
  const limits = index_limits($("kind").value);
  for (const name of ["layer", "unit", "input", "example"]) {
    const field = $(`index-${name}`);
    field.parentElement.hidden = !limits[name];
    if (limits[name]) [field.min, field.max] = limits[name];
  }
}

/** Replace markup; what stood open stays so, and the focus goes to the same button. */
function replace_markup(container, markup) {
  const active = container.contains(document.activeElement) ? document.activeElement : null;
  const { go: place, loop } = active?.dataset ?? {};
  container.innerHTML = markup;
  for (const details of container.querySelectorAll("[data-open]")) {
    details.open = opened.has(details.dataset.open);
  }
  if (!active) return;
  const same = place ? `[data-go="${place}"]` : loop ? `[data-loop="${loop}"]` : null;
  ((same && container.querySelector(same)) || $("choice-title")).focus({ preventScroll: true });
}

function refresh_derivation() {
  replace_markup($("derivation"), derivation());
}

function refresh_loop() {
  $("loop-name").value = chosen.loop.name;
  const view = loop_view();
  $("loop-step").max = view.steps - 1;
  $("loop-step").value = view.step;
  $("loop-step").setAttribute("aria-valuetext", `${view.step + 1} of ${view.steps}`);
  $("loop-count").textContent = `${view.step + 1} of ${view.steps}`;
  $("loop-says").innerHTML = view.says;
  $("loop-code").innerHTML = view.code;
  replace_markup($("called"), view.called);
  $("matrix").innerHTML = view.matrix;
  $("numpy").innerHTML = view.numpy;
}

function refresh_examples() {
  const { shown, left } = pick(model.m, chosen.t, MOST_TERMS);
  const values = (array, q) => {
    const listed = Array.from(array)
      .slice(0, 4)
      .map((value, k) => num(value, `${q}[${k}]`));
    return listed.join(", ") + (array.length > 4 ? ", …" : "");
  };
  const lines = shown.map((t) => {
    const label = model.labels ? ` ${escape_text(model.labels[t])}` : "";
    const line = table_row(
      go(`example,${t}`, index(t), `example ${index(t)}: its loss`),
      values(model.X[t], `a[0][${t}]`),
      values(model.Y[t], `y[${t}]`) + label,
      values(now.a[model.L][t], `a[${model.L}][${t}]`),
      num(...pair("C", t)),
      go(`see,${t}`, "see", `show all numbers for example ${index(t)}`),
    );
    const current = '<tr class="current" aria-current="true">';
    return t === chosen.t ? line.replace("<tr>", current) : line;
  });
  if (left > 0) lines.push(rest_row(6, `${left} more, by their index above`));
  replace_markup($("example-rows"), lines.join(""));
}

function refresh_training() {
  const { architecture } = model;
  const lines = [];
  for (let l = 1; l <= model.L; l += 1) {
    for (let i = 0; i < architecture.sizes[l]; i += 1) {
      for (let j = 0; j <= architecture.sizes[l - 1] && lines.length < MOST_PARAMETERS; j += 1) {
        lines.push(theta_line(l, i, j < architecture.sizes[l - 1] ? j : null));
      }
    }
  }
  const left = theta.length - lines.length;
  if (left > 0) lines.push(rest_row(4, `${left} more`));
  replace_markup($("theta-rows"), lines.join(""));
  $("undo").setAttribute("aria-disabled", past.length === 0);
  $("cost-curve").innerHTML = cost_curve();
}

function theta_line(l, i, j) {
  const { architecture } = model;
  const k = position_of(architecture, l, i, j);
  const bias = j === null;
  const place = bias ? `[${l}][${i}]` : `[${l}][${i}][${j}]`;
  const key = bias ? `bias,${l},${i}` : `weight,${l},${i},${j}`;
  const moved = last_step ? theta[k] - last_step[k] : null;
  const arrow = moved > 0 ? "▲ " : moved < 0 ? "▼ " : "";
  return table_row(
    go(key, math(parameter_symbol(l, i, j)), parameter_name(l, i, j)),
    num(theta[k], `${bias ? "b" : "w"}${place}`),
    num(now.gradient[k], `${bias ? "db" : "dw"}${place}`),
    moved === null ? "" : arrow + num(moved, `moved[${k}]`),
  );
}

/** J after each training step, as a line. */
function cost_curve() {
  if (costs.length < 2) return "";
  const finite = costs.filter(Number.isFinite);
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const x = (k) => 4 + (192 * k) / (costs.length - 1);
  const y = (value) => 44 - (40 * (value - low)) / (high - low || 1);
  const points = costs
    .map((value, k) => (Number.isFinite(value) ? `${x(k)},${y(value)}` : ""))
    .join(" ");
  const last = costs.length - 1;
  return (
    `<svg viewBox="0 0 200 48" role="img" aria-label="J over ${last} training steps">` +
    `<polyline points="${points}"/><circle cx="${x(last)}" cy="${y(costs[last])}" r="3"/></svg>`
  );
}

/* ---- start ----------------------------------------------------------------------------------- */

function set_convention(name, value) {
  convention[name] = value;
  refresh();
}

function listen() {
  const on = (id, event, action) => $(id).addEventListener(event, action);
  const pressed = (id, action) =>
    on(id, "click", () => $(id).getAttribute("aria-disabled") !== "true" && action());
  pressed("step-first", () => go_to_step(0));
  pressed("step-back", () => go_to_step(chosen.step - 1));
  pressed("step-next", () => go_to_step(chosen.step + 1));
  pressed("step-last", () => go_to_step(passes().length - 1));
  on("factor", "change", () => set_convention("factor", $("factor").value));
  on("orientation", "change", () => set_convention("orientation", $("orientation").value));
  on("base", "change", () => set_convention("base", Number($("base").value)));
  on("input-layer", "change", () => set_convention("input_layer", Number($("input-layer").value)));
  on("digits", "change", () => set_convention("digits", Number($("digits").value)));
  on("theme", "change", () => {
    document.documentElement.dataset.theme = $("theme").value;
  });
  on("kind", "change", choose_by_index);
  for (const name of ["layer", "unit", "input", "example"]) {
    on(`index-${name}`, "input", set_index_limits);
    on(`index-${name}`, "change", choose_by_index);
  }
  let waiting = false;
  on("value-slider", "input", () => {
    if (waiting) return;
    waiting = true; // many moves within one frame are one change
    requestAnimationFrame(() => {
      waiting = false;
      set_value($("value-slider").valueAsNumber);
    });
  });
  on("value-number", "input", () => set_value($("value-number").valueAsNumber));
  for (const id of ["value-slider", "value-number"]) {
    on(id, "change", () =>
      requestAnimationFrame(() => {
        editing = false;
      }),
    );
  }
  on("loop-name", "change", () => {
    chosen.loop = { ...chosen.loop, name: $("loop-name").value, step: 0 };
    refresh_loop();
  });
  on("loop-step", "input", () => {
    chosen.loop.step = $("loop-step").valueAsNumber;
    refresh_loop();
  });
  on("train", "click", train);
  pressed("undo", undo);
  on("reset", "click", reset);
  document.addEventListener("click", (event) => {
    const target = event.target.closest("[data-go], [data-loop]");
    if (target) activate(target);
  });
  document.addEventListener(
    "toggle",
    (event) => {
      const { open: key } = event.target.dataset;
      if (key) opened[event.target.open ? "add" : "delete"](key);
    },
    true,
  );
  on("drawing", "keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" || event.key === " ") activate(event.target);
    else if (!move_focus(event.key)) return;
    event.preventDefault();
  });
  new ResizeObserver(refresh_network).observe($("drawing"));
}

/** What a click, or Enter, on a part of the drawing or a button of the page does. */
function activate(target) {
  const { go: place, loop } = target.dataset;
  if (loop) {
    show_loop(loop, chosen.l, chosen.i, chosen.j);
    refresh_loop();
    $("loop-title").focus();
    return;
  }
  const in_drawing = $("drawing").contains(target);
  if (in_drawing) drawing.focus = place;
  choose(place);
  if (in_drawing) drawing.parts.get(place).group.focus({ preventScroll: true });
  if (!in_drawing && !place.startsWith("see")) $("choice-title").focus();
}

/** Compare this page's numbers with those of the Python engine that are embedded. */
function show_self_test() {
  const worst = self_test(model.architecture, at_load, model.expected);
  const matches = worst <= 1e-12;
  const size = worst === 0 ? "0" : worst.toExponential(0).replace("-", "−");
  $("check").className = matches ? "good" : "bad";
  $("check").textContent = matches
    ? `Numbers checked against the engine: max deviation ${size}`
    : `The numbers of this page are not those of the engine: max deviation ${worst}`;
}

convention.factor = model.convention;
$("factor").value = model.convention;
$("loop-name").innerHTML = loop_names()
  .map((name) => `<option>${name}</option>`)
  .join("");
chosen.step = passes().length - 1;
if (chosen.l === model.L) chosen.output = chosen.i;
show_loop(...default_loop());
show_self_test();
listen();
refresh();
