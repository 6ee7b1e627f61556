"use strict";
/*
 * The mathematics: loopbp/activations.py, losses.py, loops.py and passes.py, function for function,
 * under the same names and in the same order of operations.  Nothing here touches the page.
 *
 * A matrix is an array of rows (each a Float64Array), so w[i][j], z[t][i] and delta[t][i] read as
 * they do in loops.py.  Layers are numbered 1..L as in the equations; entry 0 is the input.
 */

const LEAKY_SLOPE = 0.01;
const TINY = 1.1754943508222875e-38; // where a logarithm or quotient would meet 0, a is held here

/* ---- activations: sigma and sigma' side by side ---------------------------------------------- */

/** The error function, by its series in which every term is positive (so no digits cancel). */
function erf(x) {
  const size = Math.abs(x);
  if (size > 6) return Math.sign(x);
  let term = size;
  let total = term;
  for (let k = 1; term > 1e-17 * total; k += 1) {
    term = (term * 2 * size * size) / (2 * k + 1);
    total += term;
  }
  return Math.sign(x) * (2 / Math.sqrt(Math.PI)) * Math.exp(-size * size) * total;
}

function sigmoid(z) {
  const e = Math.exp(-Math.abs(z));
  return (z >= 0 ? 1 : e) / (1 + e);
}

/** exp(-|z|), which no z makes overflow. */
function exp_minus_size(z) {
  return Math.exp(-Math.abs(z));
}

function softplus(z) {
  return Math.max(z, 0) + Math.log1p(exp_minus_size(z));
}

/** phi(s) of the normal distribution. */
function normal_density(s) {
  return Math.exp(-0.5 * s * s) / Math.sqrt(2 * Math.PI);
}

/** Phi(-s) for s >= 0: by erf, and where 1 - erf loses digits by Laplace's continued fraction. */
function normal_tail(s) {
  if (s < 3) return 0.5 * (1 - erf(Math.SQRT1_2 * s));
  let below = s;
  for (let k = 200; k >= 1; k -= 1) below = s + k / below;
  return normal_density(s) / below;
}

function gelu(z) {
  const tail = normal_tail(Math.abs(z));
  return z * (z < 0 ? tail : 1 - tail);
}

function gelu_prime(z) {
  const s = Math.abs(z);
  const tail = normal_tail(s) - s * normal_density(s);
  return z < 0 ? tail : 1 - tail;
}

function sigmoid_prime(z) {
  const e = exp_minus_size(z);
  return e / ((1 + e) * (1 + e));
}

function tanh_prime(z) {
  const e = exp_minus_size(2 * z);
  return (4 * e) / ((1 + e) * (1 + e));
}

function silu_prime(z) {
  const e = exp_minus_size(z);
  return (z < 0 ? e * (1 + z + e) : 1 + e * (1 + z)) / ((1 + e) * (1 + e));
}

const SIGMA = {
  identity: (z) => z,
  sigmoid,
  tanh: Math.tanh,
  relu: (z) => (z <= 0 ? 0 : z),
  leaky_relu: (z) => (z > 0 ? z : LEAKY_SLOPE * z),
  elu: (z) => (z > 0 ? z : Math.expm1(z)),
  softplus,
  gelu,
  silu: (z) => z * sigmoid(z),
};

const SIGMA_PRIME = {
  identity: () => 1,
  sigmoid: sigmoid_prime,
  tanh: tanh_prime,
  relu: (z) => (z > 0 ? 1 : 0),
  leaky_relu: (z) => (z > 0 ? 1 : LEAKY_SLOPE),
  elu: (z) => (z > 0 ? 1 : Math.exp(z)),
  softplus: sigmoid,
  gelu: gelu_prime,
  silu: silu_prime,
};

/** out_i = exp(z_i - max z) / sum_k exp(z_k - max z). */
function softmax_row(z, out) {
  let top = z[0];
  for (let i = 1; i < z.length; i += 1) top = Math.max(top, z[i]);
  let total = 0;
  for (let i = 0; i < z.length; i += 1) {
    out[i] = Math.exp(z[i] - top);
    total += out[i];
  }
  for (let i = 0; i < z.length; i += 1) out[i] = out[i] / total;
}

/** out_i = sigma(z_i) over the units i of one example. */
function sigma_row(name, z, out) {
  if (name === "softmax") softmax_row(z, out);
  else for (let i = 0; i < z.length; i += 1) out[i] = SIGMA[name](z[i]);
}

/** out_i = sigma'(z_i), for every activation but softmax, which has a full Jacobian instead. */
function sigma_prime_row(name, z, out) {
  for (let i = 0; i < z.length; i += 1) out[i] = SIGMA_PRIME[name](z[i]);
}

/* ---- losses: C^t and its derivative side by side --------------------------------------------- */

function held(a) {
  return a < TINY ? TINY : a;
}

/** What one output adds to C^t, before it is averaged over outputs (if it is). */
const LOSS_TERM = {
  half_mse: (y, a) => ((a - y) * (a - y)) / 2,
  quadratic: (y, a) => ((a - y) * (a - y)) / 2,
  mae: (y, a) => Math.abs(a - y),
  huber: (y, a) => (Math.abs(a - y) <= 1 ? 0.5 * (a - y) * (a - y) : Math.abs(a - y) - 0.5),
  binary_cross_entropy: (y, a) => -(y * Math.log(held(a)) + (1 - y) * Math.log(held(1 - a))),
  cross_entropy: (y, a) => -y * Math.log(held(a)),
  poisson: (y, a) => a - y * Math.log(held(a)),
};

/** The derivative of LOSS_TERM in a. */
const LOSS_TERM_PRIME = {
  half_mse: (y, a) => a - y,
  quadratic: (y, a) => a - y,
  mae: (y, a) => Math.sign(a - y),
  huber: (y, a) => Math.min(1, Math.max(-1, a - y)),
  binary_cross_entropy: (y, a) => -(y / held(a) - (1 - y) / held(1 - a)),
  cross_entropy: (y, a) => -y / held(a),
  poisson: (y, a) => 1 - y / held(a),
};

/** Losses that are means over the n_L outputs; the others are sums. */
const MEAN_LOSSES = ["half_mse", "mae", "huber", "poisson"];

/** n_L for a loss that is a mean over outputs, 1 for one that is a sum. */
function loss_divisor(loss, n) {
  return MEAN_LOSSES.includes(loss) ? n : 1;
}

/** Whether sigma' and dC/da collapse: delta^L_i = a_i - y_i. */
function is_canonical(loss, output) {
  return (
    (loss === "binary_cross_entropy" && output === "sigmoid") ||
    (loss === "cross_entropy" && output === "softmax")
  );
}

/** Whether the logarithms of a pair are computed from z. */
function is_logarithmic(loss, output) {
  if (output === "softplus") return loss === "poisson";
  return (
    ["binary_cross_entropy", "cross_entropy", "poisson"].includes(loss) &&
    (output === "sigmoid" || output === "softmax")
  );
}

function log_softplus(z) {
  return z < -36 ? z - 0.5 * Math.exp(z) : Math.log(softplus(z));
}

function softplus_slope_to_value(z) {
  return z < -36 ? 1 - 0.5 * Math.exp(z) : sigmoid(z) / softplus(z);
}

/** The output of the largest z, that z, and the largest of the others. */
function top_two(z) {
  let best = 0;
  for (let i = 1; i < z.length; i += 1) if (z[i] > z[best]) best = i;
  let second = -Infinity;
  for (let i = 0; i < z.length; i += 1) if (i !== best) second = Math.max(second, z[i]);
  return [best, z[best], second];
}

/** sum_k exp(z_k - top) over all outputs but `best`. */
function rest_of_sum(z, best, top) {
  let rest = 0;
  for (let k = 0; k < z.length; k += 1) if (k !== best) rest += Math.exp(z[k] - top);
  return rest;
}

/** C^t of softmax with a loss that has a logarithm. */
function softmax_loss_row(loss, z, y) {
  const n = z.length;
  const [best, top, second] = top_two(z);
  const rest = rest_of_sum(z, best, top);
  const log_mass = Math.log1p(rest);
  let total = 0;
  for (let i = 0; i < n; i += 1) total += y[i] * (log_mass - (z[i] - top)); // -y log a
  if (loss === "poisson") return (1 + total) / n;
  if (loss === "binary_cross_entropy") {
    // -(1-y) log(1-a)
    for (let i = 0; i < n; i += 1) {
      if (i !== best) {
        total -= (1 - y[i]) * Math.log1p(-Math.exp(z[i] - top) / (1 + rest));
      } else if (rest >= 1) {
        total += (1 - y[i]) * Math.log1p(1 / rest);
      } else {
        const log_rest = second - top + Math.log(rest_of_sum(z, best, second));
        total += (1 - y[i]) * (log_mass - log_rest);
      }
    }
  }
  return total;
}

/** delta^L of softmax with binary_cross_entropy, term by term. */
function softmax_delta_row(z, y, out) {
  const n = z.length;
  const [best, top, second] = top_two(z);
  const rest = rest_of_sum(z, best, top);
  const others = rest_of_sum(z, best, second);
  const mass = 1 + rest;
  let targets = 0;
  let odds = 0;
  for (let k = 0; k < n; k += 1) {
    targets += y[k];
    const e = Math.exp(z[k] - top);
    if (k !== best) odds += ((1 - y[k]) * e) / (mass - e);
  }
  for (let i = 0; i < n; i += 1) {
    if (i === best) {
      const a = 1 / mass;
      const delta = (1 - y[i]) * a - y[i] * (rest / mass);
      out[i] = delta + a * (targets - y[i]) - a * odds;
    } else {
      const e = Math.exp(z[i] - top);
      const a = e / mass;
      const own = ((1 - y[i]) * e) / (mass - e);
      let delta = (1 - y[i]) * a - y[i] * ((mass - e) / mass);
      const share = Math.exp(z[i] - second) / others;
      delta += a * (targets - y[i]) - a * (odds - own);
      out[i] = delta - ((1 - y[best]) / mass) * share;
    }
  }
}

/** `delta_row` of the pairs with a logarithm but those whose delta is a - y. */
function logarithmic_delta_row(loss, output, z, a, y, out) {
  const n = z.length;
  let targets = 0;
  for (let k = 0; k < n; k += 1) targets += y[k];
  if (output === "softmax" && loss === "binary_cross_entropy") {
    softmax_delta_row(z, y, out);
    return;
  }
  for (let i = 0; i < n; i += 1) {
    if (output === "softmax") out[i] = (a[i] * targets - y[i]) / n;
    else if (loss === "cross_entropy") out[i] = -y[i] * sigmoid(-z[i]);
    else if (output === "sigmoid") out[i] = (sigmoid(-z[i]) * (a[i] - y[i])) / n;
    else out[i] = (softplus_slope_to_value(z[i]) * (a[i] - y[i])) / n;
  }
}

/** C^t of one example. */
function loss_row(loss, output, z, a, y) {
  const n = a.length;
  let total = 0;
  if (is_logarithmic(loss, output)) {
    if (output === "softmax") return softmax_loss_row(loss, z, y);
    for (let i = 0; i < n; i += 1) {
      if (loss === "binary_cross_entropy") {
        // -y log a - (1-y) log(1-a) = log(1 + exp z) - y z
        total += Math.log1p(exp_minus_size(z[i]));
        total += z[i] > 0 ? (1 - y[i]) * z[i] : -y[i] * z[i];
      } else if (loss === "cross_entropy") total += y[i] * softplus(-z[i]);
      else if (output === "sigmoid") total += sigmoid(z[i]) + y[i] * softplus(-z[i]);
      else total += softplus(z[i]) - y[i] * log_softplus(z[i]);
    }
    total = total / loss_divisor(loss, n);
  } else {
    for (let i = 0; i < n; i += 1) total += LOSS_TERM[loss](y[i], a[i]);
    total = total / loss_divisor(loss, n);
  }
  return total;
}

/** dC^t/da_i for every output i of one example: dA^L of seed 000. */
function loss_prime_row(loss, a, y, out) {
  const n = a.length;
  for (let i = 0; i < n; i += 1) out[i] = LOSS_TERM_PRIME[loss](y[i], a[i]) / loss_divisor(loss, n);
}

/** out_i = delta^L_i = dC^t/dz^L_i of one example, for every pair of output and loss. */
function delta_row(loss, output, z, a, y, out) {
  const n = a.length;
  if (is_canonical(loss, output)) {
    for (let i = 0; i < n; i += 1) out[i] = a[i] - y[i];
    return;
  }
  if (is_logarithmic(loss, output)) {
    logarithmic_delta_row(loss, output, z, a, y, out);
    return;
  }
  const g = new Float64Array(n); // dC/da
  loss_prime_row(loss, a, y, g);
  if (output === "softmax") {
    let dot = 0;
    for (let k = 0; k < n; k += 1) dot += a[k] * g[k];
    for (let i = 0; i < n; i += 1) out[i] = a[i] * (g[i] - dot);
  } else {
    sigma_prime_row(output, z, out);
    for (let i = 0; i < n; i += 1) out[i] = out[i] * g[i];
  }
}

/* ---- loops.py: one function per equation, one loop per index --------------------------------- */

/** z^l_i = sum_j w^l_ij a^{l-1}_j + b^l_i  (seed 001, equation 5). */
function weighted_input(w, b, a_prev, out_z) {
  for (let t = 0; t < out_z.length; t += 1) {
    for (let i = 0; i < w.length; i += 1) {
      let total = b[i];
      for (let j = 0; j < w[i].length; j += 1) total += w[i][j] * a_prev[t][j];
      out_z[t][i] = total;
    }
  }
}

/** a^l_i = sigma(z^l_i)  (seed 001, equation 1). */
function activation(name, z, out_a) {
  for (let t = 0; t < z.length; t += 1) sigma_row(name, z[t], out_a[t]);
}

/** C^t of every example; their mean is J  (seed 001, equation 3). */
function example_losses(loss, output, z, a, y, out_c) {
  for (let t = 0; t < z.length; t += 1) out_c[t] = loss_row(loss, output, z[t], a[t], y[t]);
}

/** delta^L_i = sigma'(z^L_i) dC^t/da_i  (seed 002, Task 1). */
function output_delta(loss, output, z, a, y, out_delta) {
  for (let t = 0; t < z.length; t += 1) {
    delta_row(loss, output, z[t], a[t], y[t], out_delta[t]);
  }
}

/** delta^l_i = sigma'(z^l_i) sum_n w^{l+1}_ni delta^{l+1}_n  (seed 002, Task 2). */
function hidden_delta(w_next, delta_next, name, z, out_delta) {
  for (let t = 0; t < z.length; t += 1) {
    sigma_prime_row(name, z[t], out_delta[t]);
    for (let i = 0; i < z[t].length; i += 1) {
      let total = w_next[0][i] * delta_next[t][0];
      for (let n = 1; n < w_next.length; n += 1) total += w_next[n][i] * delta_next[t][n];
      out_delta[t][i] = out_delta[t][i] * total;
    }
  }
}

/** dC^t/da^l_i = sum_n w^{l+1}_ni delta^{l+1}_n  (seed 001, BP3). */
function activation_gradient(w_next, delta_next, out_da) {
  for (let t = 0; t < out_da.length; t += 1) {
    for (let i = 0; i < out_da[t].length; i += 1) {
      let total = w_next[0][i] * delta_next[t][0];
      for (let n = 1; n < w_next.length; n += 1) total += w_next[n][i] * delta_next[t][n];
      out_da[t][i] = total;
    }
  }
}

/** delta^l_i = dC^t/da^l_i * sigma'(z^l_i)  (seed 001, BP4). */
function delta_from_da(name, z, da, out_delta) {
  for (let t = 0; t < z.length; t += 1) {
    sigma_prime_row(name, z[t], out_delta[t]);
    for (let i = 0; i < z[t].length; i += 1) out_delta[t][i] = da[t][i] * out_delta[t][i];
  }
}

/** dJ/dw^l_ij = (1/m) sum_t delta^l_i a^{l-1}_j  (seed 001, BP1). */
function weight_gradient(delta, a_prev, out_dw) {
  const m = delta.length;
  for (let i = 0; i < out_dw.length; i += 1) {
    for (let j = 0; j < out_dw[i].length; j += 1) {
      let total = delta[0][i] * a_prev[0][j];
      for (let t = 1; t < m; t += 1) total += delta[t][i] * a_prev[t][j];
      out_dw[i][j] = total / m;
    }
  }
}

/** dJ/db^l_i = (1/m) sum_t delta^l_i  (seed 001, BP2). */
function bias_gradient(delta, out_db) {
  const m = delta.length;
  for (let i = 0; i < out_db.length; i += 1) {
    let total = delta[0][i];
    for (let t = 1; t < m; t += 1) total += delta[t][i];
    out_db[i] = total / m;
  }
}

/* ---- parameters.py and passes.py ------------------------------------------------------------- */

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
    const corner = ["relu", "leaky_relu"].includes(architecture.activation[l]);
    if (corner && sides(one.z[l], other.z[l])) return true;
  }
  const error = (p) => p.a[last].map((row, t) => row.map((v, i) => v - y[t][i]));
  return architecture.loss === "mae" && sides(error(one), error(other));
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
