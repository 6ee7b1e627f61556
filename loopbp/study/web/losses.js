"use strict";
/*
 * loopbp/losses.py, function for function, but for what is in LOSSES: the term of each loss and its
 * derivative, in numbers and as formulas, which `loopbp.study.scripts` writes from
 * loopbp/catalogue.py.
 */

/** n_L for a loss that is a mean over outputs, 1 for one that is a sum. */
function loss_divisor(loss, n) {
  return LOSSES[loss].mean ? n : 1;
}

/** Whether sigma' and dC/da collapse: delta^L_i = a_i - y_i. */
function is_canonical(loss, output) {
  return LOSSES[loss].canonical === output;
}

/** Whether the logarithms of a pair are computed from z. */
function is_logarithmic(loss, output) {
  return LOSSES[loss].logarithmic && LOSSES[loss].outputs.includes(output);
}

function log_softplus(z) {
  return z < -36 ? z - 0.5 * Math.exp(z) : Math.log(softplus(z));
}

function softplus_slope_to_value(z) {
  return z < -36 ? 1 - 0.5 * Math.exp(z) : sigmoid(z) / softplus(z);
}

/** Whether a loss is sum_i a_i - y_i log a_i: its mean, or with what does not depend on a. */
function is_poisson(loss) {
  return loss === "poisson" || loss === "poisson_deviance";
}

/** C^t from `total` = sum_i a_i - y_i log a_i. */
function of_poisson(loss, total, y) {
  if (loss === "poisson") return total / y.length;
  for (let i = 0; i < y.length; i += 1) total += rest_of_deviance(y[i]);
  return total;
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
  if (is_poisson(loss)) return of_poisson(loss, 1 + total, y);
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
  const parts = loss_divisor(loss, n);
  let targets = 0;
  for (let k = 0; k < n; k += 1) targets += y[k];
  if (output === "softmax" && loss === "binary_cross_entropy") {
    softmax_delta_row(z, y, out);
    return;
  }
  for (let i = 0; i < n; i += 1) {
    if (output === "softmax") out[i] = (a[i] * targets - y[i]) / parts;
    else if (loss === "cross_entropy") out[i] = -y[i] * sigmoid(-z[i]);
    else if (output === "sigmoid") out[i] = (sigmoid(-z[i]) * (a[i] - y[i])) / parts;
    else if (output === "exp") out[i] = (a[i] - y[i]) / n;
    else out[i] = (softplus_slope_to_value(z[i]) * (a[i] - y[i])) / parts;
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
        total += Math.log1p(Math.exp(-Math.abs(z[i])));
        total += z[i] > 0 ? (1 - y[i]) * z[i] : -y[i] * z[i];
      } else if (loss === "cross_entropy") total += y[i] * softplus(-z[i]);
      else if (output === "sigmoid") total += sigmoid(z[i]) + y[i] * softplus(-z[i]);
      else if (output === "exp") total += exp(z[i]) - y[i] * z[i];
      else total += softplus(z[i]) - y[i] * log_softplus(z[i]);
    }
    if (is_poisson(loss)) total = of_poisson(loss, total, y);
  } else {
    for (let i = 0; i < n; i += 1) total += LOSSES[loss].term(y[i], a[i]);
    total = total / loss_divisor(loss, n);
  }
  return total;
}

/** dC^t/da_i for every output i of one example: dA^L of seed 000. */
function loss_prime_row(loss, a, y, out) {
  const n = a.length;
  for (let i = 0; i < n; i += 1) out[i] = LOSSES[loss].prime(y[i], a[i]) / loss_divisor(loss, n);
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
