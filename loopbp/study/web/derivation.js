"use strict";
/*
 * The derivation of what is chosen, as markup.  `model` is the network and its batch, `now` every
 * quantity at the present theta (see `compute` in passes.js), `chosen` what the reader looks at.
 */

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
    const { formula } = ACTIVATIONS[name];
    const z = mnum(...pair("z", l, t, i));
    body = equation(
      row(a_of(l, i), equals, mi("σ"), fence(z_of(l, i))),
      row(equals, formula(z_of(l, i))),
      row(equals, formula(z)),
      row(equals, a),
    );
  }
  const title = `Activation ${math(a_of(l, i))}: ${name}`;
  return block(title, "seed 001, (1)", "activation", body);
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
  if (!is_canonical(loss, names[L])) return LOSSES[loss].term(y, now.a[L][t][i]);
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
      row(divided, sum_over(mi("i")), fence(LOSSES[loss].formula(a_of(L, "i"), target_of("i")))),
    ) +
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
