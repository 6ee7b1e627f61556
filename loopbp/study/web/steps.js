"use strict";
/*
 * The passes step by step: which step comes when, what it says, and which parts of the drawing light.
 */

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
