"use strict";
/*
 * The panels: each `refresh_` writes one of them from the state.
 */

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
