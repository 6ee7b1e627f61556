"use strict";
/*
 * loopbp/parameters.py and passes.py: where each layer stands in theta, both passes, the finite
 * difference, and the comparison with the numbers of the Python engine.
 */

/** Rows of a new matrix of zeros. */
function zeros(rows, columns) {
  return Array.from({ length: rows }, () => new Float64Array(columns));
}

/** Sizes and names, and where each layer begins in theta; entry 0 of each list is unused. */
function make_architecture(network) {
  const sizes = network.sizes;
  const w_start = [0];
  const b_start = [0];
  let position = 0;
  for (let l = 1; l < sizes.length; l += 1) {
    w_start.push(position);
    b_start.push(position + sizes[l] * sizes[l - 1]);
    position = b_start[l] + sizes[l];
  }
  const { loss, l2 } = network;
  return { sizes, w_start, b_start, activation: ["", ...network.activations], loss, l2 };
}

/** L, the number of weight layers. */
function layer_count(architecture) {
  return architecture.sizes.length - 1;
}

/** w^l as rows that are views into theta. */
function weights_of(theta, architecture, l) {
  const width = architecture.sizes[l - 1];
  const start = architecture.w_start[l];
  return Array.from({ length: architecture.sizes[l] }, (_, i) =>
    theta.subarray(start + i * width, start + (i + 1) * width),
  );
}

/** b^l as a view into theta. */
function biases_of(theta, architecture, l) {
  const start = architecture.b_start[l];
  return theta.subarray(start, start + architecture.sizes[l]);
}

/** Where a weight, or with input null a bias, stands in theta. */
function position_of(architecture, l, i, j) {
  return j === null
    ? architecture.b_start[l] + i
    : architecture.w_start[l] + i * architecture.sizes[l - 1] + j;
}

/** z^l and a^l for l = 1..L, with a^0 = x. */
function forward(theta, architecture, x) {
  const z = [null];
  const a = [x];
  for (let l = 1; l <= layer_count(architecture); l += 1) {
    z.push(zeros(x.length, architecture.sizes[l]));
    a.push(zeros(x.length, architecture.sizes[l]));
    const w = weights_of(theta, architecture, l);
    weighted_input(w, biases_of(theta, architecture, l), a[l - 1], z[l]);
    activation(architecture.activation[l], z[l], a[l]);
  }
  return { z, a };
}

/** C^t of every example, and J = (1/m) sum_t C^t + (lambda/2) sum w**2, after `forward`. */
function cost(theta, architecture, y, z, a) {
  const last = layer_count(architecture);
  const C = new Float64Array(y.length);
  example_losses(architecture.loss, architecture.activation[last], z[last], a[last], y, C);
  let mean = 0;
  for (let t = 0; t < y.length; t += 1) mean += C[t];
  mean = mean / y.length;
  let squares = 0;
  for (let l = 1; l <= last && architecture.l2 > 0; l += 1) {
    for (const row of weights_of(theta, architecture, l)) for (const w of row) squares += w * w;
  }
  const penalty = 0.5 * architecture.l2 * squares;
  return { C, mean, penalty, J: mean + penalty };
}

/**
 * delta^l for l = L..1 and dJ/dtheta, after `forward` on the same batch.
 * da and prime keep the two factors of every delta: dC/da^l and sigma'(z^l).
 */
function backward(theta, architecture, x, y, z, a) {
  const last = layer_count(architecture);
  const m = x.length;
  const gradient = new Float64Array(theta.length);
  const like = (l) => zeros(m, architecture.sizes[l]);
  const delta = [null];
  const da = [null];
  const prime = [null];
  const dw = [null];
  const db = [null];
  for (let l = 1; l <= last; l += 1) {
    delta.push(like(l));
    da.push(like(l));
    prime.push(like(l));
    dw.push(weights_of(gradient, architecture, l));
    db.push(biases_of(gradient, architecture, l));
    const name = architecture.activation[l];
    if (name !== "softmax") z[l].forEach((row, t) => sigma_prime_row(name, row, prime[l][t]));
  }
  const { loss, activation: names, l2 } = architecture;
  for (let t = 0; t < m; t += 1) loss_prime_row(loss, a[last][t], y[t], da[last][t]);
  output_delta(loss, names[last], z[last], a[last], y, delta[last]);
  for (let l = last; l >= 1; l -= 1) {
    weight_gradient(delta[l], a[l - 1], dw[l]);
    bias_gradient(delta[l], db[l]);
    if (l > 1) {
      const w = weights_of(theta, architecture, l);
      activation_gradient(w, delta[l], da[l - 1]);
      hidden_delta(w, delta[l], names[l - 1], z[l - 1], delta[l - 1]);
    }
    if (l2 > 0) {
      weights_of(theta, architecture, l).forEach((row, i) =>
        row.forEach((value, j) => {
          dw[l][i][j] += l2 * value;
        }),
      );
    }
  }
  return { delta, da, prime, dw, db, gradient };
}

/** Both passes: every quantity of the page. */
function compute(theta, architecture, x, y) {
  const passed = forward(theta, architecture, x);
  const costs = cost(theta, architecture, y, passed.z, passed.a);
  const back = backward(theta, architecture, x, y, passed.z, passed.a);
  const w = [null];
  const b = [null];
  for (let l = 1; l <= layer_count(architecture); l += 1) {
    w.push(weights_of(theta, architecture, l));
    b.push(biases_of(theta, architecture, l));
  }
  return { ...passed, ...costs, ...back, w, b, y, m: x.length };
}

/** Where two forward passes stand on different sides of a corner of the function. */
function crosses_kink(architecture, y, one, other) {
  const last = layer_count(architecture);
  const sides = (p, q) =>
    p.some((row, t) => row.some((v, i) => Math.sign(v) !== Math.sign(q[t][i])));
  for (let l = 1; l <= last; l += 1) {
    const { corner } = ACTIVATIONS[architecture.activation[l]] ?? {};
    if (corner && sides(one.z[l], other.z[l])) return true;
  }
  const error = (p) => p.a[last].map((row, t) => row.map((v, i) => v - y[t][i]));
  return LOSSES[architecture.loss].corner === true && sides(error(one), error(other));
}

/** (J(theta_k + h) - J(theta_k - h)) / 2h: knows nothing of the backward pass. */
function finite_difference(theta, architecture, x, y, k) {
  const h = 1e-5 * Math.max(1, Math.abs(theta[k]));
  const at = (value) => {
    const moved = theta.slice();
    moved[k] = value;
    const passed = forward(moved, architecture, x);
    return { ...passed, J: cost(moved, architecture, y, passed.z, passed.a).J };
  };
  const up = at(theta[k] + h);
  const down = at(theta[k] - h);
  const value = (up.J - down.J) / (theta[k] + h - (theta[k] - h));
  return { h, up: up.J, down: down.J, value, kink: crosses_kink(architecture, y, up, down) };
}

/** The largest |p - q| / max(1, |q|) over two equally nested arrays of numbers; NaN if one is. */
function deviation(p, q) {
  if (typeof q === "number") return Math.abs(p - q) / Math.max(1, Math.abs(q));
  if (p.length !== q.length) return NaN;
  let worst = 0;
  for (let k = 0; k < q.length; k += 1) {
    const here = deviation(p[k], q[k]);
    if (Number.isNaN(here)) return NaN;
    worst = Math.max(worst, here);
  }
  return worst;
}

/** dC/dz^l by BP3 and BP4 one after the other, which is `hidden_delta` in two steps. */
function delta_in_two_steps(architecture, computed, l) {
  const delta = zeros(computed.m, architecture.sizes[l]);
  delta_from_da(architecture.activation[l], computed.z[l], computed.da[l], delta);
  return delta;
}

/** The largest deviation of this engine's numbers from those that the Python engine gave. */
function self_test(architecture, computed, expected) {
  const parts = ["z", "a", "delta"].map((name) =>
    deviation(computed[name].slice(1), expected[name]),
  );
  parts.push(deviation(computed.C, expected.C), deviation(computed.J, expected.J));
  parts.push(deviation(computed.gradient, expected.gradient));
  for (let l = 1; l < layer_count(architecture); l += 1) {
    const two_steps = delta_in_two_steps(architecture, computed, l);
    parts.push(deviation(two_steps, expected.delta[l - 1]));
  }
  return parts.some(Number.isNaN) ? NaN : Math.max(...parts);
}
