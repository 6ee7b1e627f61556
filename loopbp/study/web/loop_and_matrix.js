"use strict";
/*
 * One function of loops.py at a time: its source with the current line marked and the running
 * numbers of the iteration, and its matrix form with the row and column marked.
 */

const MOST_ENTRIES = 6; // rows or columns of a matrix that are shown

/** The first `count` of 0..n-1, and `keep` among them; `left` is how many are not shown. */
function pick(n, keep, count) {
  const shown = Array.from({ length: Math.min(n, count) }, (_, k) => k);
  if (n > count && keep >= count) shown[count - 1] = keep;
  return { shown, left: n - shown.length };
}

/* ---- matrices -------------------------------------------------------------------------------- */

/** One matrix: {name, rows, columns, get(r, c) -> [value, expression], row, column}. */
function matrix(spec) {
  const rows = pick(spec.rows, spec.row ?? 0, MOST_ENTRIES);
  const columns = pick(spec.columns, spec.column ?? 0, MOST_ENTRIES);
  const gap = (shown, k) => k > 0 && shown[k] !== shown[k - 1] + 1;
  const cells = (r) =>
    columns.shown
      .map((c, k) => {
        const [value, q] = spec.get(r, c);
        const marks = [];
        if (spec.row === r) marks.push("in-row");
        if (spec.column === c) marks.push("in-column");
        const dots = gap(columns.shown, k) ? "<td>…</td>" : "";
        return `${dots}<td class="${marks.join(" ")}">${num(value, q)}</td>`;
      })
      .join("") +
    (columns.left > 0 && !gap(columns.shown, columns.shown.length - 1) ? "<td>…</td>" : "");
  const width = columns.shown.length + 1;
  const dots = `<tr><td colspan="${width}">⋮</td></tr>`;
  const lines = rows.shown.map((r, k) => `${gap(rows.shown, k) ? dots : ""}<tr>${cells(r)}</tr>`);
  if (rows.left > 0 && !gap(rows.shown, rows.shown.length - 1)) lines.push(dots);
  const left = rows.left + columns.left > 0 ? ", in part" : "";
  return (
    `<figure class="matrix"><table class="bracket"><tbody>${lines.join("")}</tbody></table>` +
    `<figcaption>${math(spec.name)}<br>(${spec.rows}, ${spec.columns})${left}</figcaption></figure>`
  );
}

/** Matrices and the signs between them. */
function matrices(parts) {
  const inside = parts.map((part) =>
    typeof part === "string" ? `<span class="sign">${part}</span>` : matrix(part),
  );
  const box = '<div class="matrices scroll" role="region" tabindex="0" aria-label="matrix form">';
  return `${box}${inside.join("")}</div>`;
}

/** The matrix of a quantity, one example a row. */
function batch_matrix(name, l, row_mark, column_mark) {
  const bold = { z: "Z", a: "A", delta: "Δ", da: "dA", prime: "σ′(Z)" }[name];
  return {
    name: sup(mi(bold), layer_mark(l)),
    rows: now.m,
    columns: model.architecture.sizes[l],
    get: (t, i) => pair(name, l, t, i),
    row: row_mark,
    column: column_mark,
  };
}

/** The transpose of a matrix. */
function transpose(spec) {
  return {
    name: sup(fence(spec.name), mi("T")),
    rows: spec.columns,
    columns: spec.rows,
    get: (r, c) => spec.get(c, r),
    row: spec.column,
    column: spec.row,
  };
}

/** w^l as it stands in the chosen orientation: "forward" is what A_prev is multiplied by. */
function weight_matrix(l, use, name = "w") {
  const array = now[name][l];
  const [n, p] = [model.architecture.sizes[l], model.architecture.sizes[l - 1]];
  const symbol = sup(mi(name === "w" ? "W" : "dW"), layer_mark(l));
  const out_in = {
    rows: n,
    columns: p,
    get: (i, j) => [array[i][j], `${name}[${l}][${i}][${j}]`],
    ...use,
  };
  if (convention.orientation === "ij") return { ...out_in, name: symbol };
  return { ...transpose({ ...out_in, name: symbol }), name: symbol };
}

/** The numbers of the network behind one function: its matrix form at the chosen index. */
const MATRIX_FORM = {
  weighted_input({ l, t, i }) {
    const w = weight_matrix(l, { row: i });
    const bias = {
      name: sup(mi("b"), layer_mark(l)),
      rows: 1,
      columns: model.architecture.sizes[l],
      get: (_, c) => pair("b", l, c),
      column: i,
    };
    return [
      batch_matrix("z", l, t, i),
      "=",
      batch_matrix("a", l - 1, t),
      "@",
      convention.orientation === "ij" ? transpose(w) : w,
      "+",
      bias,
    ];
  },
  activation({ l, t, i }) {
    return [batch_matrix("a", l, t, i), "= σ of", batch_matrix("z", l, t, i)];
  },
  example_losses({ t }) {
    const column = {
      name: mi("C"),
      rows: now.m,
      columns: 1,
      get: (r) => pair("C", r),
      row: t,
    };
    const targets = {
      name: mi("Y"),
      rows: now.m,
      columns: model.n_outputs,
      get: (r, c) => pair("y", r, c),
      row: t,
    };
    return [column, "from", batch_matrix("a", model.L, t), "and", targets];
  },
  output_delta({ t, i }) {
    const L = model.L;
    if (model.architecture.activation[L] !== "softmax") {
      return [
        batch_matrix("delta", L, t, i),
        "=",
        batch_matrix("da", L, t, i),
        "∗",
        batch_matrix("prime", L, t, i),
      ];
    }
    const from = [batch_matrix("delta", L, t, i), "from", batch_matrix("a", L, t), "and dC/da"];
    return [...from, batch_matrix("da", L, t)];
  },
  hidden_delta({ l, t, i }) {
    const product = MATRIX_FORM.activation_gradient({ l, t, i }).slice(2);
    return [
      batch_matrix("delta", l, t, i),
      "= (",
      ...product,
      ") ∗",
      batch_matrix("prime", l, t, i),
    ];
  },
  activation_gradient({ l, t, i }) {
    const w = weight_matrix(l + 1, { column: i });
    return [
      batch_matrix("da", l, t, i),
      "=",
      batch_matrix("delta", l + 1, t),
      "@",
      convention.orientation === "ij" ? w : transpose(w),
    ];
  },
  delta_from_da({ l, t, i }) {
    return [
      batch_matrix("delta", l, t, i),
      "=",
      batch_matrix("da", l, t, i),
      "∗",
      batch_matrix("prime", l, t, i),
    ];
  },
  weight_gradient({ l, i, j }) {
    const result = weight_matrix(l, { row: i, column: j }, "dw");
    const first = batch_matrix("delta", l, undefined, i);
    const second = batch_matrix("a", l - 1, undefined, j);
    const factors =
      convention.orientation === "ij"
        ? [transpose(first), "@", second]
        : [transpose(second), "@", first];
    const penalty =
      model.architecture.l2 > 0 ? ["+ λ", weight_matrix(l, { row: i, column: j })] : [];
    return [result, convention.factor === "loss" ? `= 1/${now.m} ·` : "=", ...factors, ...penalty];
  },
  bias_gradient({ l, i }) {
    const result = {
      name: sup(mi("db"), layer_mark(l)),
      rows: 1,
      columns: model.architecture.sizes[l],
      get: (_, c) => pair("db", l, c),
      column: i,
    };
    const sign =
      convention.factor === "loss" ? "= mean over the rows of" : "= sum over the rows of";
    return [result, sign, batch_matrix("delta", l, undefined, i)];
  },
};

/* ---- the loops ------------------------------------------------------------------------------- */

/**
 * What a function of loops.py does at one index, line by line: [{line, says}].
 * The numbers are those of the code: its deltas are per example, whatever the convention.
 */
const TRACE = {
  weighted_input({ l, t, i }) {
    const z_row = now.a[l - 1][t];
    const terms = Array.from(now.w[l][i], (w, j) => [
      w * z_row[j],
      `w[${l}][${i}][${j}]*a[${l - 1}][${t}][${j}]`,
      `j = ${j}`,
    ]);
    const first = { line: "total = b[i]", says: ["", ...pair("b", l, i)] };
    return [
      first,
      ...running(terms, "total += w[i, j] * a_prev[t, j]", ...pair("b", l, i)),
      { line: "out_z[t, i] = total", says: ["", ...pair("z", l, t, i)] },
    ];
  },
  activation({ l, t, i }) {
    return [
      {
        line: "sigma_row(code",
        says: [`entry ${i} of the row: `, ...pair("a", l, t, i)],
      },
    ];
  },
  example_losses({ t }) {
    return [{ line: "out_c[t] = ", says: ["", ...pair("C", t)] }];
  },
  output_delta({ t, i }) {
    const L = model.L;
    const value = raw_pair("delta", L, t, i);
    return [
      { line: "delta_row(loss", says: [`entry ${i} of the row: `, ...value] },
      { line: "out_delta[t, i] = ", says: ["weight[t] is 1 here: ", ...value] },
    ];
  },
  hidden_delta({ l, t, i }) {
    return [
      { line: "sigma_prime_row(", says: ["σ′: ", ...pair("prime", l, t, i)] },
      ...TRACE.activation_gradient({ l, t, i }).slice(0, -1),
      { line: "out_delta[t, i] = ", says: ["", ...raw_pair("delta", l, t, i)] },
    ];
  },
  activation_gradient({ l, t, i }) {
    const terms = Array.from(now.delta[l + 1][t], (delta, n) => [
      now.w[l + 1][n][i] * delta,
      `w[${l + 1}][${n}][${i}]*delta[${l + 1}][${t}][${n}]`,
      `n = ${n}`,
    ]);
    return [
      { line: "total = w_next[0, i]", says: ["", terms[0][0], terms[0][1]] },
      ...running(terms.slice(1), "total += w_next[n, i]", terms[0][0], terms[0][1]),
      { line: "out_da[t, i] = total", says: ["", ...raw_pair("da", l, t, i)] },
    ];
  },
  delta_from_da({ l, t, i }) {
    return [
      { line: "sigma_prime_row(", says: ["σ′: ", ...pair("prime", l, t, i)] },
      { line: "out_delta[t, i] = ", says: ["", ...raw_pair("delta", l, t, i)] },
    ];
  },
  weight_gradient({ l, i, j }) {
    const terms = now.delta[l].map((delta, t) => [
      delta[i] * now.a[l - 1][t][j],
      `delta[${l}][${t}][${i}]*a[${l - 1}][${t}][${j}]`,
      `t = ${t}`,
    ]);
    return batch_trace(
      terms,
      "delta[0, i] * a_prev[0, j]",
      "out_dw[i, j] = ",
      mean_gradient(l, i, j),
    );
  },
  bias_gradient({ l, i }) {
    const terms = now.delta[l].map((delta, t) => [delta[i], `delta[${l}][${t}][${i}]`, `t = ${t}`]);
    return batch_trace(terms, "np.float64(delta[0, i])", "out_db[i] = ", mean_gradient(l, i, null));
  },
};

/** What functions of loops.py call for a row, and the line of it that serves this network. */
const CALLED = {
  activation: ({ l }) => [
    "sigma_row",
    `code == ${model.architecture.activation[l].toUpperCase()}:`,
  ],
  hidden_delta: ({ l }) => [
    "sigma_prime_row",
    `code == ${model.architecture.activation[l].toUpperCase()}:`,
  ],
  delta_from_da: ({ l }) => CALLED.hidden_delta({ l }),
  example_losses() {
    const { loss } = model.architecture;
    const output = output_activation();
    if (is_logarithmic(loss, output)) {
      if (output === "softmax") return ["loss_row", "softmax_loss_row(loss"];
      if (loss === "binary_cross_entropy") return ["loss_row", "math.log1p("];
      if (loss === "cross_entropy") return ["loss_row", "total += y[i] * softplus("];
      if (output === "exp") return ["loss_row", "total += exp("];
      return ["loss_row", output === "sigmoid" ? "total += sigmoid(" : "log_softplus("];
    }
    return ["loss_row", `elif loss == ${loss.toUpperCase()}:`];
  },
  output_delta() {
    const softmax = output_activation() === "softmax";
    if (is_canonical(model.architecture.loss, output_activation()))
      return ["delta_row", "a[i] - y[i]"];
    if (is_logarithmic(model.architecture.loss, output_activation()))
      return ["delta_row", "logarithmic_delta_row(loss"];
    return ["delta_row", softmax ? "out[i] = a[i] * (out[i] - dot)" : "sigma_prime_row(output"];
  },
};

function output_activation() {
  return model.architecture.activation[model.L];
}

/** The source of the called function, folded away. */
function called_view(name, place) {
  if (!CALLED[name]) return "";
  const [called, line] = CALLED[name](place);
  const { file, lines } = model.source.called[called];
  return (
    `<details data-open="called"><summary>What it calls: <code>${called}</code> ` +
    `in <code>${file}</code></summary>` +
    `<div class="scroll" role="region" tabindex="0" aria-label="Source of ${called}">` +
    `${listing(lines, line_with(lines, line))}</div></details>`
  );
}

/** The iterations of `total += term`: terms is [[value, expression, index in words]]. */
function running(terms, line, start, start_q) {
  let total = start;
  let q = start_q;
  return terms.map(([value, expression, name]) => {
    total += value;
    q = `${q}+${expression}`;
    return { line, says: [`${name}: `, total, q], term: [value, expression] };
  });
}

/** The trace of a sum over the batch that starts at its first term and is divided by m. */
function batch_trace(terms, first_line, last_line, [mean, mean_q]) {
  return [
    { line: first_line, says: ["t = 0: ", terms[0][0], terms[0][1]] },
    ...running(terms.slice(1), "total += delta[t, i]", terms[0][0], terms[0][1]),
    { line: last_line, says: [`divided by m = ${now.m}: `, mean, mean_q] },
  ];
}

/** The line of a source on which `text` stands; -1 if it does not. */
function line_with(source, text) {
  return source.findIndex(([, line]) => line.includes(text));
}

/** The source of a function with one line marked. */
function listing(source, marked) {
  const lines = source.map(([number, text], k) => {
    const current = k === marked ? ' class="current" aria-current="step"' : "";
    const arrow = k === marked ? "▶" : " ";
    const gutter = `<span class="gutter">${arrow}${number}</span>`;
    return `<li${current}>${gutter}${escape_text(text) || " "}</li>`;
  });
  return `<ol class="listing">${lines.join("")}</ol>`;
}

/** Where the shown function works: layer, example, unit and input that fit it. */
function loop_place() {
  const { name } = chosen.loop;
  const place = { ...chosen.loop, t: chosen.t };
  const last_only = name === "output_delta" || name === "example_losses";
  const hidden_only = ["hidden_delta", "activation_gradient", "delta_from_da"].includes(name);
  if (last_only) place.l = model.L;
  else if (hidden_only) place.l = Math.min(place.l, model.L - 1);
  place.i = Math.min(place.i, model.architecture.sizes[place.l] - 1);
  place.j = Math.min(place.j ?? 0, model.architecture.sizes[place.l - 1] - 1);
  return place;
}

/** The functions that this network uses: without a hidden layer there is no recurrence. */
function loop_names() {
  const hidden = ["hidden_delta", "activation_gradient", "delta_from_da"];
  return Object.keys(TRACE).filter((name) => model.L > 1 || !hidden.includes(name));
}

/** The loop panel: source with the current line, and what the iteration adds. */
function loop_view() {
  const { name } = chosen.loop;
  const place = loop_place();
  const trace = TRACE[name](place);
  const step = Math.min(chosen.loop.step, trace.length - 1);
  const { says, line, term } = trace[step];
  const source = model.source.loops[name];
  const added = term ? `adds ${num(...term)}, ` : "";
  const total = line.startsWith("total") || line.includes("a_prev[0, j]") ? "total = " : "writes ";
  const where =
    name === "weight_gradient"
      ? `l = ${place.l}, i = ${place.i}, j = ${place.j}`
      : name === "bias_gradient"
        ? `l = ${place.l}, i = ${place.i}`
        : name === "example_losses"
          ? `t = ${place.t}`
          : `l = ${place.l}, t = ${place.t}, i = ${place.i}`;
  return {
    steps: trace.length,
    step,
    says: `<strong>${where}</strong>. ${says[0]}${added}${total}${num(says[1], says[2])}`,
    code: listing(source, line_with(source, line)),
    called: called_view(name, place),
    matrix: matrices(MATRIX_FORM[name](place)),
    numpy: listing(model.source.reference[name], -1),
  };
}
