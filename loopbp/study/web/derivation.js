"use strict";
/*
 * The derivation of what is chosen, as markup.  `model` is the network and its batch, `now` every
 * quantity at the present theta (see `compute` in engine.js), `chosen` what the reader looks at.
 */

const MOST_TERMS = 8; // of a sum that are listed; the rest is summed in one line

/* ---- pieces ---------------------------------------------------------------------------------- */

/** A titled step of a derivation; `loop` names the function that computes it. */
function block(title, source, loop, body) {
  const button = loop
    ? `<button type="button" class="show-loop" data-loop="${loop}">` +
      `Loop: <code>${loop}</code></button>`
    : "";
  const cite = source ? ` <cite>${source}</cite>` : "";
  const header = `<header><h3>${title}${cite}</h3>${button}</header>`;
  return `<section class="block">${header}${body}</section>`;
}

/** A button that chooses something: `what` is for example "unit,1,2". */
function go(what, label, name) {
  const attributes = `type="button" class="go" data-go="${what}" aria-label="${name}"`;
  return `<button ${attributes}>${label}</button>`;
}

/** Positions of the terms to list, in their order: all, or the largest. */
function largest(values, count) {
  const order = values.map((_, k) => k);
  if (order.length <= count) return order;
  order.sort((p, q) => Math.abs(values[q]) - Math.abs(values[p]));
  return order.slice(0, count).sort((p, q) => p - q);
}

/**
 * A sum as a table: one row a term, its factors and its value, and the total below.
 * terms: [{name, factors: [[value, expression], ...], value, q}],
 * total: [symbol, value, expression].
 */
function sum_table(caption, heads, terms, total) {
  const shown = largest(
    terms.map((term) => term.value),
    MOST_TERMS,
  );
  const lines = shown.map((k) => {
    const { name, factors, value, q } = terms[k];
    return table_row(name, ...factors.map((pair) => num(...pair)), num(value, q));
  });
  const [symbol, value, expression] = total;
  const left = terms.length - shown.length;
  const span = heads.length - 1;
  if (left > 0) {
    const listed = shown.reduce((sum, k) => sum + terms[k].value, 0);
    const q = `(${expression})-(${shown.map((k) => `(${terms[k].q})`).join("+")})`;
    lines.push(rest_row(span, `${left} smaller terms, together`, num(value - listed, q)));
  }
  const foot =
    `<tfoot><tr><th scope="row" colspan="${span}">sum${symbol ? ` = ${math(symbol)}` : ""}</th>` +
    `<td>${num(value, expression)}</td></tr></tfoot>`;
  return table(caption, heads, lines, foot);
}

/* ---- formulas that take symbols or numbers --------------------------------------------------- */

const log = (inside) => row(mi("ln"), fence(inside));
const minus = mo("−");
const one_minus = (a) => fence(mn(1), minus, a);

/** sigma(z) of each activation. */
const SIGMA_FORMULA = {
  identity: (z) => z,
  sigmoid: (z) => frac(mn(1), row(mn(1), mo("+"), sup(mi("e"), row(mo("−"), guarded(z))))),
  tanh: (z) => row(mi("tanh"), fence(z)),
  relu: (z) => row(mi("max"), fence(z, mo(","), mn(0))),
  leaky_relu: (z) => row(mi("max"), fence(z, mo(","), mn(LEAKY_SLOPE), times, guarded(z))),
  elu: (z) =>
    row(z, mtext(" if "), z, mo(">"), mn(0), mtext(", else "), sup(mi("e"), z), minus, mn(1)),
  softplus: (z) => log(row(mn(1), mo("+"), sup(mi("e"), z))),
  gelu: (z) => row(guarded(z), times, mi("Φ"), fence(z)),
  silu: (z) => row(guarded(z), times, mi("sigmoid"), fence(z)),
};

/** sigma'(z) of each activation, a = sigma(z). */
const SIGMA_PRIME_FORMULA = {
  identity: () => mn(1),
  sigmoid: (z, a) => row(a, times, one_minus(a)),
  tanh: (z, a) => row(mn(1), minus, sup(fence(a), mn(2))),
  relu: (z) => row(mn(1), mtext(" if "), z, mo(">"), mn(0), mtext(", else "), mn(0)),
  leaky_relu: (z) =>
    row(mn(1), mtext(" if "), z, mo(">"), mn(0), mtext(", else "), mn(LEAKY_SLOPE)),
  elu: (z) => row(mn(1), mtext(" if "), z, mo(">"), mn(0), mtext(", else "), sup(mi("e"), z)),
  softplus: (z) => row(mi("sigmoid"), fence(z)),
  gelu: (z) => row(mi("Φ"), fence(z), mo("+"), guarded(z), times, mi("φ"), fence(z)),
  silu: (z) =>
    row(
      mi("s"),
      fence(mn(1), mo("+"), guarded(z), one_minus(mi("s"))),
      mtext(", s = sigmoid"),
      fence(z),
    ),
};

/** What one output adds to C^t, as it stands inside the sum. */
const LOSS_FORMULA = {
  half_mse: (a, y) => row(frac(mn(1), mn(2)), sup(fence(a, minus, guarded(y)), mn(2))),
  quadratic: (a, y) => row(frac(mn(1), mn(2)), sup(fence(a, minus, guarded(y)), mn(2))),
  mae: (a, y) => row(mo("|"), a, minus, guarded(y), mo("|")),
  huber: (a, y) => row(mi("h"), fence(a, minus, guarded(y))),
  binary_cross_entropy: (a, y) =>
    row(mo("−"), y, times, log(a), minus, one_minus(y), times, log(row(mn(1), minus, a))),
  cross_entropy: (a, y) => row(mo("−"), y, times, log(a)),
  poisson: (a, y) => row(a, minus, y, times, log(a)),
};

/** dC/da of each loss, before the division by n_L of those that are means. */
const LOSS_PRIME_FORMULA = {
  half_mse: (a, y) => row(a, minus, guarded(y)),
  quadratic: (a, y) => row(a, minus, guarded(y)),
  mae: (a, y) => row(mi("sign"), fence(a, minus, guarded(y))),
  huber: (a, y) => row(mi("clip"), fence(a, minus, guarded(y))),
  binary_cross_entropy: (a, y) =>
    row(mo("−"), frac(y, a), mo("+"), frac(row(mn(1), minus, y), row(mn(1), minus, a))),
  cross_entropy: (a, y) => row(mo("−"), frac(y, a)),
  poisson: (a, y) => row(mn(1), minus, frac(y, a)),
};

/** dC/da with its division by n_L, and in the cost convention by m. */
function loss_prime_formula(a, y) {
  const { loss } = model.architecture;
  const divisor = loss_divisor(loss, model.n_outputs);
  const inner = LOSS_PRIME_FORMULA[loss](a, y);
  const mean = divisor > 1 ? frac(inner, mn(divisor)) : inner;
  return convention.factor === "loss" ? mean : row(frac(mn(1), mn(now.m)), tall_fence(mean));
}

/* ---- z and a --------------------------------------------------------------------------------- */

function weighted_input_block(l, i, t) {
  const terms = Array.from(now.w[l][i], (w, j) => ({
    name: go(`weight,${l},${i},${j}`, index(j), parameter_name(l, i, j)),
    factors: [[w, `w[${l}][${i}][${j}]`], pair("a", l - 1, t, j)],
    value: w * now.a[l - 1][t][j],
    q: `w[${l}][${i}][${j}]*a[${l - 1}][${t}][${j}]`,
  }));
  const q = `z[${l}][${t}][${i}]-b[${l}][${i}]`;
  const z = now.z[l][t][i];
  const b = now.b[l][i];
  return block(
    `Weighted input ${math(z_of(l, i))}`,
    "seed 001, (5)",
    "weighted_input",
    equation(
      z_of(l, i),
      row(equals, sum_over(mi("j")), weight_symbol(l, i, "j"), a_of(l - 1, "j")),
      row(mo("+"), unit_symbol("b", l, i)),
    ) +
      sum_table(
        `The terms of the sum, for example ${index(t)}`,
        [math(mi("j")), math(weight_symbol(l, i, "j")), math(a_of(l - 1, "j")), "product"],
        terms,
        ["", z - b, q],
      ) +
      equation(
        row(z_of(l, i), equals, mnum(z - b, q)),
        row(mo("+"), factor(b, `b[${l}][${i}]`)),
        row(equals, mnum(z, `z[${l}][${t}][${i}]`)),
      ),
  );
}

function activation_block(l, i, t) {
  const name = model.architecture.activation[l];
  const a = mnum(...pair("a", l, t, i));
  let body;
  if (name === "softmax") {
    const ratio = (above, below) =>
      frac(sup(mi("e"), above), row(sum_over(mi("k")), sup(mi("e"), below)));
    body = equation(row(a_of(l, i), equals, ratio(z_of(l, i), z_of(l, "k"))), row(equals, a));
  } else {
    const z = mnum(...pair("z", l, t, i));
    body = equation(
      row(a_of(l, i), equals, mi("σ"), fence(z_of(l, i))),
      row(equals, SIGMA_FORMULA[name](z_of(l, i))),
      row(equals, SIGMA_FORMULA[name](z)),
      row(equals, a),
    );
  }
  const title = `Activation ${math(a_of(l, i))}: ${name}`;
  return block(title, "seed 001, (1)", "activation", body);
}

/* ---- delta ----------------------------------------------------------------------------------- */

/** All deltas of a layer, as a symbol. */
const layer_delta = (l) => math(sup(mi("δ"), layer_mark(l)));

/** sigma'(z^l_i) in symbols, in numbers, and its value. */
function sigma_prime_equation(l, i, t) {
  const name = model.architecture.activation[l];
  const z = now.z[l][t][i];
  const formula = SIGMA_PRIME_FORMULA[name];
  const numbers = formula(mnum(z, `z[${l}][${t}][${i}]`), mnum(...pair("a", l, t, i)));
  const corner =
    z === 0 && ["relu", "leaky_relu"].includes(name)
      ? `<p class="note">z is exactly 0, a corner of ${name}: ` +
        `by convention the slope is the left one.</p>`
      : "";
  return (
    equation(
      row(sigma_prime_of(z_of(l, i)), equals, formula(z_of(l, i), a_of(l, i))),
      ...(name === "identity" ? [] : [row(equals, numbers)]),
      row(equals, mnum(...pair("prime", l, t, i))),
    ) + corner
  );
}

/** dC/da of one output in symbols, in numbers, and its value. */
function loss_prime_equation(i, t) {
  const L = model.L;
  const numbers = loss_prime_formula(mnum(...pair("a", L, t, i)), mnum(...pair("y", t, i)));
  return equation(
    row(
      partial(differentiated("t"), a_of(L, i)),
      equals,
      loss_prime_formula(a_of(L, i), target_of(i)),
    ),
    row(equals, numbers),
    row(equals, mnum(...pair("da", L, t, i))),
  );
}

/** Task 1 for one output whose activation has a sigma'. */
function output_delta_equations(i, t) {
  const L = model.L;
  const { loss, activation: names } = model.architecture;
  const result = mnum(...pair("delta", L, t, i));
  let body =
    sigma_prime_equation(L, i, t) +
    loss_prime_equation(i, t) +
    equation(
      row(
        delta_of(L, i),
        equals,
        sigma_prime_of(z_of(L, i)),
        partial(differentiated("t"), a_of(L, i)),
      ),
      row(equals, factor(...pair("prime", L, t, i)), times, factor(...pair("da", L, t, i))),
      row(equals, result),
    );
  if (is_canonical(loss, names[L])) body += collapse_equation(i, t, result);
  return body;
}

/** The collapse of both factors to a - y, for sigmoid and softmax with their cross-entropies. */
function collapse_equation(i, t, result) {
  const L = model.L;
  const a = mnum(...pair("a", L, t, i));
  const y = mnum(...pair("y", t, i));
  const over_m = (inside) =>
    convention.factor === "loss" ? inside : row(frac(mn(1), mn(now.m)), fence(inside));
  return (
    `<p>The factors cancel, and the engine computes the short form, which loses no digits:</p>` +
    equation(
      row(delta_of(L, i), equals, over_m(row(a_of(L, i), minus, target_of(i)))),
      row(equals, over_m(row(a, minus, y))),
      row(equals, result),
    )
  );
}

/** Task 1 for softmax: the full Jacobian times dC/da, and its collapse. */
function softmax_delta(i, t) {
  const L = model.L;
  const K = model.n_outputs;
  const a = now.a[L][t];
  const entry = (r, k) => a[k] * ((r === k ? 1 : 0) - a[r]);
  const q = (r, k) => `a[${L}][${t}][${k}]*(${r === k ? 1 : 0}-a[${L}][${t}][${r}])`;
  const jacobian = {
    name: partial(a_of(L, "k"), z_of(L, "i")),
    rows: K,
    columns: K,
    get: (r, k) => [entry(r, k), q(r, k)],
    row: i,
  };
  const vector = (name, array, symbol, mark) => ({
    name: symbol,
    rows: K,
    columns: 1,
    get: (k) => [scaled(array[t][k], now.m), scaled_q(`${name}[${L}][${t}][${k}]`)],
    row: mark,
    column: 0,
  });
  const { loss } = model.architecture;
  const loss_prime = partial(differentiated("t"), a_of(L, "k"));
  const terms = Array.from(a, (_, k) => ({
    name: index(k),
    factors: [[entry(i, k), q(i, k)], pair("da", L, t, k)],
    value: entry(i, k) * pair("da", L, t, k)[0],
    q: `${q(i, k)}*${pair("da", L, t, k)[1]}`,
  }));
  const [value, expression] = pair("delta", L, t, i);
  return (
    `<p>A change of one ${math(z_of(L, "i"))} moves every output, so there is a full Jacobian, ` +
    `times ${math(loss_prime)}. In it [i = k] is 1 where i = k, else 0:</p>` +
    equation(
      row(
        delta_of(L, "i"),
        equals,
        sum_over(mi("k")),
        partial(a_of(L, "k"), z_of(L, "i")),
        loss_prime,
      ),
      row(
        mtext(" with "),
        partial(a_of(L, "k"), z_of(L, "i")),
        equals,
        a_of(L, "k"),
        fence(row(mo("["), mi("i"), equals, mi("k"), mo("]")), minus, a_of(L, "i")),
      ),
    ) +
    equation(row(loss_prime, equals, loss_prime_formula(a_of(L, "k"), target_of("k")))) +
    matrices([
      jacobian,
      "@",
      vector("da", now.da[L], loss_prime),
      "=",
      vector("delta", now.delta[L], delta_of(L, "i"), i),
    ]) +
    sum_table(
      `Row ${index(i)} of the Jacobian times the vector`,
      [math(mi("k")), math(partial(a_of(L, "k"), z_of(L, i))), math(loss_prime), "product"],
      terms,
      [delta_of(L, i), value, expression],
    ) +
    (loss === "cross_entropy" ? collapse_equation(i, t, mnum(value, expression)) : "")
  );
}

/** Task 1 for one output. */
function output_delta_block(i, t) {
  const L = model.L;
  const softmax = model.architecture.activation[L] === "softmax";
  const title = `Task 1: ${math(delta_of(L, i))} from the loss, for example ${index(t)}`;
  const body = softmax ? softmax_delta(i, t) : output_delta_equations(i, t);
  return block(title, "seed 002, Task 1; seed 000", "output_delta", body);
}

/** Task 1 for all outputs, where a deeper layer is asked for. */
function output_deltas_block(t) {
  const L = model.L;
  const softmax = model.architecture.activation[L] === "softmax";
  let body;
  if (softmax) {
    body = softmax_delta(Math.min(chosen.output, model.n_outputs - 1), t);
  } else {
    body = deltas_table(L, t);
    if (is_canonical(model.architecture.loss, model.architecture.activation[L])) {
      const all = row(delta_of(L, "i"), equals);
      const over_m = convention.factor === "loss" ? "" : one_over_m;
      const inside = row(a_of(L, "i"), minus, target_of("i"));
      const collapsed = math(all, over_m, over_m ? fence(inside) : inside);
      body += `<p>Both factors together: ${collapsed}.</p>`;
    }
    body =
      equation(
        row(delta_of(L, "i"), equals, sigma_prime_of(z_of(L, "i"))),
        partial(differentiated("t"), a_of(L, "i")),
        row(
          mtext(" with "),
          partial(differentiated("t"), a_of(L, "i")),
          equals,
          loss_prime_formula(a_of(L, "i"), target_of("i")),
        ),
      ) + body;
  }
  const title = `Task 1: all ${layer_delta(L)} from the loss, for example ${index(t)}`;
  return block(title, "seed 002, Task 1; seed 000", "output_delta", body);
}

/** delta of the units of a layer, with both factors of each. */
function deltas_table(l, t) {
  const values = Array.from(now.delta[l][t]);
  const shown = largest(values, MOST_TERMS);
  const lines = shown.map((i) =>
    table_row(
      go(`unit,${l},${i}`, index(i), unit_name(l, i)),
      num(...pair("da", l, t, i)),
      num(...pair("prime", l, t, i)),
      num(...pair("delta", l, t, i)),
    ),
  );
  const left = values.length - shown.length;
  if (left > 0) lines.push(rest_row(4, `${left} more`));
  const heads = [
    "unit",
    math(partial(differentiated("t"), a_of(l, "i"))),
    math(sigma_prime_of(z_of(l, "i"))),
    math(delta_of(l, "i")),
  ];
  return table(`Each unit of layer ${layer_number(l)}: both factors of its delta`, heads, lines);
}

/** The sum of the recurrence for one unit: every term w_ni delta_n. */
function recurrence_table(l, i, t) {
  const terms = Array.from(now.delta[l + 1][t], (_, n) => ({
    name: go(`unit,${l + 1},${n}`, index(n), unit_name(l + 1, n)),
    factors: [pair("w", l + 1, n, i), pair("delta", l + 1, t, n)],
    value: now.w[l + 1][n][i] * pair("delta", l + 1, t, n)[0],
    q: `w[${l + 1}][${n}][${i}]*${pair("delta", l + 1, t, n)[1]}`,
  }));
  return sum_table(
    `What comes back to ${unit_name(l, i)}: one term for each unit of layer ${layer_number(l + 1)}`,
    [math(mi("n")), math(weight_symbol(l + 1, "n", i)), math(delta_of(l + 1, "n")), "product"],
    terms,
    [partial(differentiated("t"), a_of(l, i)), ...pair("da", l, t, i)],
  );
}

/** Task 2 for one unit: the recurrence with all its terms. */
function hidden_delta_block(l, i, t) {
  return block(
    `Task 2: ${math(delta_of(l, i))} from ${layer_delta(l + 1)}`,
    "seed 002, Task 2; seed 001, BP3 and BP4",
    "hidden_delta",
    equation(
      row(delta_of(l, i), equals, sigma_prime_of(z_of(l, i))),
      row(sum_over(mi("n")), weight_symbol(l + 1, "n", i), delta_of(l + 1, "n")),
    ) +
      recurrence_table(l, i, t) +
      sigma_prime_equation(l, i, t) +
      equation(
        row(delta_of(l, i), equals),
        row(factor(...pair("prime", l, t, i)), times, factor(...pair("da", l, t, i))),
        row(equals, mnum(...pair("delta", l, t, i))),
      ),
  );
}

/** A layer between the output and the one asked for: all its deltas, each sum on demand. */
function hidden_deltas_block(l, t) {
  const shown = largest(Array.from(now.delta[l][t]), MOST_TERMS);
  const sums = shown.map(
    (i) =>
      `<details data-open="sum,${l},${i}"><summary>the sum for ${unit_name(l, i)}</summary>` +
      `${recurrence_table(l, i, t)}</details>`,
  );
  return block(
    `Task 2: all ${layer_delta(l)} from ${layer_delta(l + 1)}`,
    "seed 002, Task 2; seed 001, BP3 and BP4",
    "hidden_delta",
    equation(
      row(delta_of(l, "i"), equals, sigma_prime_of(z_of(l, "i"))),
      row(sum_over(mi("n")), weight_symbol(l + 1, "n", "i"), delta_of(l + 1, "n")),
    ) +
      deltas_table(l, t) +
      sums.join(""),
  );
}

/** delta^l_i from the loss down to layer l: Task 1, then Task 2 from layer to layer. */
function delta_blocks(l, i, t) {
  const L = model.L;
  if (l === L) return output_delta_block(i, t);
  let text = output_deltas_block(t);
  for (let k = L - 1; k > l; k -= 1) text += hidden_deltas_block(k, t);
  return text + hidden_delta_block(l, i, t);
}

/* ---- the derivative of a weight or bias ------------------------------------------------------ */

function chain_block(l, i, j) {
  const change = (symbol) => row(mi("Δ"), symbol);
  const arrow = mo("→");
  const pieces = [
    change(parameter_symbol(l, i, j)),
    row(arrow, change(z_of(l, i))),
    row(arrow, change(a_of(l, i))),
  ];
  for (let k = l + 1; k <= model.L; k += 1) {
    pieces.push(
      row(arrow, mtext(" all "), change(z_of(k, "n"))),
      row(arrow, mtext(" all "), change(a_of(k, "n"))),
    );
  }
  pieces.push(row(arrow, change(example_loss("t"))));
  const symbol = parameter_symbol(l, i, j);
  return block(
    "The chain of effects, and its two terms",
    "seed 002; seed 001, (4) and (6)",
    null,
    equation(...pieces) +
      equation(
        row(partial(differentiated("t"), symbol), equals),
        row(partial(z_of(l, i), symbol), partial(differentiated("t"), z_of(l, i))),
        row(equals, j === null ? mn(1) : a_of(l - 1, j), times, delta_of(l, i)),
      ),
  );
}

function first_term_block(l, i, j, t) {
  const symbol = parameter_symbol(l, i, j);
  const left = partial(z_of(l, i), symbol);
  const z = row(
    z_of(l, i),
    equals,
    sum_over(mi("j")),
    weight_symbol(l, i, "j"),
    a_of(l - 1, "j"),
    mo("+"),
    unit_symbol("b", l, i),
  );
  const value = j === null ? null : mnum(...pair("a", l - 1, t, j));
  const x = l === 1 && j !== null ? [row(equals, sub(mi("x"), letter(j)))] : [];
  const pieces =
    j === null
      ? [row(left, equals, mn(1))]
      : [row(left, equals, a_of(l - 1, j)), ...x, row(equals, value)];
  const input =
    l === 1 ? `; in layer ${layer_number(1)} the activation before it is the input itself` : "";
  const said =
    j === null
      ? "The bias stands in the sum alone: its input is always 1."
      : `Only the term with this weight depends on it${input}.`;
  return block(
    `First term: what the weight is multiplied by, for example ${index(t)}`.replace(
      "the weight",
      j === null ? "the bias" : "the weight",
    ),
    "seed 002, first term",
    "weighted_input",
    equation(z) + `<p>${said}</p>` + equation(...pieces),
  );
}

function product_block(l, i, j, t) {
  const symbol = parameter_symbol(l, i, j);
  const [delta, delta_q] = pair("delta", l, t, i);
  const a = j === null ? 1 : now.a[l - 1][t][j];
  const q = j === null ? delta_q : `${delta_q}*a[${l - 1}][${t}][${j}]`;
  const left =
    convention.factor === "loss"
      ? partial(example_loss("t"), symbol)
      : row(mtext("the share of this example in "), partial(mi("J"), symbol));
  return block(
    `Both terms together, for example ${index(t)}`,
    "seed 002",
    null,
    equation(
      left,
      row(equals, j === null ? mn(1) : a_of(l - 1, j), times, delta_of(l, i)),
      row(
        equals,
        j === null ? mn(1) : factor(a, `a[${l - 1}][${t}][${j}]`),
        times,
        factor(delta, delta_q),
      ),
      row(equals, mnum(a * delta, q)),
    ),
  );
}

/** The value of dJ/dw without the penalty, and its expression. */
function mean_gradient(l, i, j) {
  if (j === null) return pair("db", l, i);
  const { l2 } = model.architecture;
  const [full, full_q] = pair("dw", l, i, j);
  if (l2 === 0) return [full, full_q];
  return [full - l2 * now.w[l][i][j], `${full_q}-l2*w[${l}][${i}][${j}]`];
}

function batch_block(l, i, j) {
  const symbol = parameter_symbol(l, i, j);
  const loss_convention = convention.factor === "loss";
  const m = now.m;
  const [mean, mean_q] = mean_gradient(l, i, j);
  const terms = Array.from({ length: m }, (_, t) => {
    const [delta, q] = pair("delta", l, t, i);
    const a = j === null ? 1 : now.a[l - 1][t][j];
    const a_q = `a[${l - 1}][${t}][${j}]`;
    const factors = [[delta, q]];
    if (j !== null) factors.push([a, a_q]);
    return {
      name: go(`see,${t}`, index(t), `example ${index(t)}`),
      factors,
      value: delta * a,
      q: j === null ? q : `${q}*${a_q}`,
    };
  });
  const total = loss_convention ? mean * m : mean;
  const total_q = loss_convention ? `(${mean_q})*m` : mean_q;
  const term = row(delta_of(l, i, "t"), j === null ? "" : a_of(l - 1, j, "t"));
  const heads = [math(mi("t")), math(delta_of(l, i, "t"))];
  if (j !== null) heads.push(math(a_of(l - 1, j, "t")));
  heads.push(j === null ? "term" : "product");
  const said = loss_convention
    ? `J is the mean of the ${m} losses, so its derivative is the mean of theirs. ` +
      `The 1/m enters here and nowhere else.`
    : `Here every delta already carries the 1/m, from the first factor ∂J/∂a on, ` +
      `so the terms are only added.`;
  const last = loss_convention
    ? row(equals, frac(mn(1), mn(m)), times, factor(total, total_q), equals, mnum(mean, mean_q))
    : row(equals, mnum(mean, mean_q));
  const penalised = model.architecture.l2 > 0 && j !== null;
  const left = penalised ? sum_over(mi("t")) : partial(mi("J"), symbol);
  return block(
    "Over the batch",
    j === null ? "seed 001, (3), (6) and BP2" : "seed 001, (3), (4) and BP1",
    j === null ? "bias_gradient" : "weight_gradient",
    equation(
      row(
        penalised ? mtext("of the losses: ") : row(left, equals),
        loss_convention ? one_over_m : "",
        sum_over(mi("t")),
        term,
      ),
    ) +
      `<p>${said}</p>` +
      sum_table("One term for each example", heads, terms, ["", total, total_q]) +
      equation(penalised ? mtext("of the losses ") : partial(mi("J"), symbol), last) +
      (penalised ? penalty_equation(l, i, j, mean, mean_q) : ""),
  );
}

/** The penalty's own part of dJ/dw. */
function penalty_equation(l, i, j, mean, mean_q) {
  const { l2 } = model.architecture;
  const w = now.w[l][i][j];
  const w_q = `w[${l}][${i}][${j}]`;
  return (
    `<p>The penalty ${math(frac(mi("λ"), mn(2)), mo("∑"), sup(mi("ω"), mn(2)))} adds ` +
    `${math(mi("λ"), mi("ω"))} to it; biases are not penalised:</p>` +
    equation(
      row(partial(mi("J"), weight_symbol(l, i, j)), equals, mnum(mean, mean_q)),
      row(mo("+"), mnum(l2, "l2"), times, factor(w, w_q)),
      row(equals, mnum(...pair("dw", l, i, j))),
    )
  );
}

function check_block(l, i, j) {
  const symbol = parameter_symbol(l, i, j);
  const gradient = j === null ? now.db[l][i] : now.dw[l][i][j];
  const q = j === null ? `db[${l}][${i}]` : `dw[${l}][${i}][${j}]`;
  const { h, up, down, value, kink } = chosen.difference;
  const shifted = (sign) => row(mi("J"), fence(symbol, mo(sign), mi("h")));
  const at = `${l},${i},${j === null ? "None" : j}`;
  const gap = Math.abs(value - gradient);
  const far = gap > 1e-6 * Math.max(1, Math.abs(gradient));
  const verdict = kink
    ? "Between the two points lies a corner of the function, so the quotient need not agree."
    : far
      ? "The two do not agree."
      : "The two agree.";
  return block(
    "Check at this very index: the finite difference",
    "",
    null,
    equation(
      row(partial(mi("J"), symbol), mo("≈")),
      frac(row(shifted("+"), minus, shifted("−")), row(mn(2), mi("h"))),
      row(mo("≈"), mnum(value, `fd(${at})`)),
    ) +
      `<dl class="pairs">` +
      `<dt>${math(shifted("+"))}</dt><dd>${num(up, `cost(${at},${h})`, 12)}</dd>` +
      `<dt>${math(shifted("−"))}</dt><dd>${num(down, `cost(${at},${-h})`, 12)}</dd>` +
      `<dt>${math(mi("h"))}</dt><dd>${num(h, h)}</dd>` +
      `<dt>backpropagation</dt><dd>${num(gradient, q)}</dd>` +
      `<dt>they differ by</dt><dd>${gap.toExponential(1).replace("-", "−")}</dd></dl>` +
      `<p class="${far && !kink ? "bad" : "good"}">${verdict}</p>`,
  );
}

function parameter_derivation(l, i, j, t) {
  const second = row(delta_of(l, i), equals, partial(differentiated("t"), z_of(l, i)));
  return (
    chain_block(l, i, j) +
    first_term_block(l, i, j, t) +
    `<h3 class="divider">Second term: ${math(second)}</h3>` +
    delta_blocks(l, i, t) +
    product_block(l, i, j, t) +
    batch_block(l, i, j) +
    check_block(l, i, j)
  );
}

/* ---- a unit, an example ---------------------------------------------------------------------- */

/** What the delta of a unit gives: the derivative of each of its weights, for this example. */
function uses_block(l, i, t) {
  const [delta, delta_q] = pair("delta", l, t, i);
  const products = Array.from(now.a[l - 1][t], (a) => a * delta);
  const shown = largest(products, MOST_TERMS);
  const lines = shown.map((j) =>
    table_row(
      go(`weight,${l},${i},${j}`, math(weight_symbol(l, i, j)), parameter_name(l, i, j)),
      num(...pair("a", l - 1, t, j)),
      num(products[j], `a[${l - 1}][${t}][${j}]*${delta_q}`),
      num(...pair("dw", l, i, j)),
    ),
  );
  const left = products.length - shown.length;
  if (left > 0) lines.push(rest_row(4, `${left} more`));
  const bias = go(`bias,${l},${i}`, math(unit_symbol("b", l, i)), parameter_name(l, i, null));
  lines.push(table_row(bias, "1", num(delta, delta_q), num(...pair("db", l, i))));
  const heads = [
    "parameter",
    "first term",
    `times delta, example ${index(t)}`,
    "∂J over the batch",
  ];
  return block(
    `What ${math(delta_of(l, i))} is used for`,
    "seed 002, first term; seed 001, BP1 and BP2",
    "weight_gradient",
    table(`Derivatives that use the delta of ${unit_name(l, i)}`, heads, lines),
  );
}

function input_derivation(j, t) {
  const { shown, left } = pick(model.m, t, MOST_TERMS);
  const lines = shown.map((k) =>
    table_row(go(`see,${k}`, index(k), `example ${index(k)}`), num(...pair("a", 0, k, j))),
  );
  if (left > 0) lines.push(rest_row(2, `${left} more`));
  const heads = ["example", math(sub(mi("x"), letter(j)))];
  return block(
    `Input ${math(a_of(0, j), equals, sub(mi("x"), letter(j)))}`,
    "seed 002, l = 1",
    null,
    `<p>It is given, not computed. It is the first term of every weight that leaves it:</p>` +
      equation(
        row(
          partial(z_of(1, "i"), weight_symbol(1, "i", j)),
          equals,
          a_of(0, j),
          equals,
          sub(mi("x"), letter(j)),
        ),
        row(equals, mnum(...pair("a", 0, t, j))),
      ) +
      table(`Input ${index(j)} in the examples`, heads, lines),
  );
}

function unit_derivation(l, i, t) {
  if (l === 0) return input_derivation(i, t);
  return (
    weighted_input_block(l, i, t) +
    activation_block(l, i, t) +
    delta_blocks(l, i, t) +
    uses_block(l, i, t)
  );
}

/** What output i adds to C^t, computed as the engine does: from z where it can be. */
function loss_term(i, t) {
  const { loss, activation: names } = model.architecture;
  const L = model.L;
  const y = model.Y[t][i];
  if (!is_canonical(loss, names[L])) return LOSS_TERM[loss](y, now.a[L][t][i]);
  if (names[L] === "softmax") {
    const one = new Float64Array(model.n_outputs);
    one[i] = y;
    return loss_row(loss, names[L], now.z[L][t], now.a[L][t], one);
  }
  return loss_row(loss, names[L], [now.z[L][t][i]], [now.a[L][t][i]], [y]);
}

function example_derivation(t) {
  const { loss } = model.architecture;
  const L = model.L;
  const divisor = loss_divisor(loss, model.n_outputs);
  const terms = Array.from(now.a[L][t], (a, i) => ({
    name: go(`unit,${L},${i}`, index(i), unit_name(L, i)),
    factors: [[a, `a[${L}][${t}][${i}]`], pair("y", t, i)],
    value: loss_term(i, t),
    q: `term[${t}][${i}]`,
  }));
  const total = now.C[t] * divisor;
  const total_q = divisor > 1 ? `C[${t}]*${divisor}` : `C[${t}]`;
  const huber = row(
    mi("h"),
    fence(mi("e")),
    equals,
    frac(mn(1), mn(2)),
    sup(mi("e"), mn(2)),
    mtext(" if |e| ≤ 1, else |e| − ½"),
  );
  const examples = Array.from(now.C, (value, k) => ({
    name: go(`example,${k}`, index(k), `example ${index(k)}`),
    factors: [],
    value,
    q: `C[${k}]`,
  }));
  const divided = divisor > 1 ? frac(mn(1), mn(divisor)) : "";
  const loss_block = block(
    `The loss ${math(example_loss(t))} of this example: ${loss}`,
    "seed 002",
    "example_losses",
    equation(
      row(example_loss(t), equals),
      row(divided, sum_over(mi("i")), fence(LOSS_FORMULA[loss](a_of(L, "i"), target_of("i")))),
    ) +
      (loss === "huber" ? equation(huber) : "") +
      sum_table(
        "One term for each output",
        ["output", math(a_of(L, "i")), math(target_of("i")), "term"],
        terms,
        ["", total, total_q],
      ) +
      (divisor > 1
        ? equation(
            row(example_loss(t), equals, frac(mn(1), mn(divisor)), times, factor(total, total_q)),
            row(equals, mnum(...pair("C", t))),
          )
        : ""),
  );
  const l2 = model.architecture.l2;
  const cost_block = block(
    `The cost ${math(mi("J"))}: the mean over the batch`,
    "seed 001, (3)",
    "example_losses",
    equation(row(mi("J"), equals, one_over_m, sum_over(mi("t")), example_loss("t"))) +
      sum_table("One loss for each example", ["example", math(example_loss("t"))], examples, [
        "",
        now.mean * now.m,
        "(J-penalty)*m",
      ]) +
      equation(
        row(
          mi("J"),
          equals,
          frac(mn(1), mn(now.m)),
          times,
          mnum(now.mean * now.m, "(J-penalty)*m"),
        ),
        ...(l2 > 0 ? [row(mo("+"), mnum(now.penalty, "penalty"), mtext(" (the penalty)"))] : []),
        row(equals, mnum(now.J, "J")),
      ),
  );
  return loss_block + cost_block;
}

/** The derivation of whatever is chosen. */
function derivation() {
  const { kind, l, i, j, t } = chosen;
  if (kind === "example") return example_derivation(t);
  if (kind === "unit") return unit_derivation(l, i, t);
  return parameter_derivation(l, i, kind === "bias" ? null : j, t);
}
