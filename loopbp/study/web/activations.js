"use strict";
/*
 * What the functions of loopbp/activations.py need that a browser has not, and their application to
 * rows.  The functions themselves, and their formulas, are in ACTIVATIONS: `loopbp.study.scripts`
 * writes it from loopbp/catalogue.py.
 */

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

/** 1 - erf(x), and where that loses digits by Laplace's continued fraction. */
function erfc(x) {
  if (x < 2) return 1 - erf(x);
  let below = x;
  for (let k = 200; k >= 1; k -= 1) below = x + k / (2 * below);
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * below);
}

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
  else for (let i = 0; i < z.length; i += 1) out[i] = ACTIVATIONS[name].sigma(z[i]);
}

/** out_i = sigma'(z_i), for every activation but softmax, which has a full Jacobian instead. */
function sigma_prime_row(name, z, out) {
  for (let i = 0; i < z.length; i += 1) out[i] = ACTIVATIONS[name].prime(z[i]);
}
