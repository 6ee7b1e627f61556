"use strict";
/*
 * The derivative of a weight or bias: the chain of effects, its two terms, the sum over the batch,
 * and the finite difference at the same index.
 */

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
