"use strict";
/*
 * delta^l_i from the loss down to any layer: Task 1 for the outputs, Task 2 from layer to layer.
 */

/** dC/da with its division by n_L, and in the cost convention by m. */
function loss_prime_formula(a, y) {
  const { loss } = model.architecture;
  const divisor = loss_divisor(loss, model.n_outputs);
  const inner = LOSSES[loss].prime_formula(a, y);
  const mean = divisor > 1 ? frac(inner, mn(divisor)) : inner;
  return convention.factor === "loss" ? mean : row(frac(mn(1), mn(now.m)), tall_fence(mean));
}

/** All deltas of a layer, as a symbol. */
const layer_delta = (l) => math(sup(mi("δ"), layer_mark(l)));

/** sigma'(z^l_i) in symbols, in numbers, and its value. */
function sigma_prime_equation(l, i, t) {
  const name = model.architecture.activation[l];
  const z = now.z[l][t][i];
  const { prime_formula: formula, corner } = ACTIVATIONS[name];
  const numbers = formula(mnum(z, `z[${l}][${t}][${i}]`), mnum(...pair("a", l, t, i)));
  const note =
    z === 0 && corner
      ? `<p class="note">z is exactly 0, a corner of ${name}: ` +
        `by convention the slope is the left one.</p>`
      : "";
  return (
    equation(
      row(sigma_prime_of(z_of(l, i)), equals, formula(z_of(l, i), a_of(l, i))),
      ...(name === "identity" ? [] : [row(equals, numbers)]),
      row(equals, mnum(...pair("prime", l, t, i))),
    ) + note
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

/** The collapse of both factors to a - y, for each output with its canonical loss. */
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
