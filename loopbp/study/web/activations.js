"use strict";
/*
 * loopbp/activations.py, function for function: the activations, one row each, in numbers and as
 * formulas.
 */

const LEAKY_SLOPE = 0.01;

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

/**
 * One row an activation: sigma(z) and sigma'(z), in numbers and as formulas (a is the markup of
 * sigma(z)); `corner` where z = 0 is a corner of the function.
 */
const ACTIVATIONS = {
  identity: {
    sigma: (z) => z,
    prime: () => 1,
    formula: (z) => z,
    prime_formula: () => mn(1),
  },
  sigmoid: {
    sigma: sigmoid,
    prime: sigmoid_prime,
    formula: (z) => frac(mn(1), row(mn(1), mo("+"), sup(mi("e"), row(mo("−"), guarded(z))))),
    prime_formula: (z, a) => row(a, times, one_minus(a)),
  },
  tanh: {
    sigma: Math.tanh,
    prime: tanh_prime,
    formula: (z) => row(mi("tanh"), fence(z)),
    prime_formula: (z, a) => row(mn(1), minus, sup(fence(a), mn(2))),
  },
  relu: {
    sigma: (z) => (z <= 0 ? 0 : z),
    prime: (z) => (z > 0 ? 1 : 0),
    corner: true,
    formula: (z) => row(mi("max"), fence(z, mo(","), mn(0))),
    prime_formula: (z) => if_positive(z, mn(1), mn(0)),
  },
  leaky_relu: {
    sigma: (z) => (z > 0 ? z : LEAKY_SLOPE * z),
    prime: (z) => (z > 0 ? 1 : LEAKY_SLOPE),
    corner: true,
    formula: (z) => row(mi("max"), fence(z, mo(","), mn(LEAKY_SLOPE), times, guarded(z))),
    prime_formula: (z) => if_positive(z, mn(1), mn(LEAKY_SLOPE)),
  },
  elu: {
    sigma: (z) => (z > 0 ? z : Math.expm1(z)),
    prime: (z) => (z > 0 ? 1 : Math.exp(z)),
    formula: (z) => if_positive(z, z, row(sup(mi("e"), z), minus, mn(1))),
    prime_formula: (z) => if_positive(z, mn(1), sup(mi("e"), z)),
  },
  softplus: {
    sigma: softplus,
    prime: sigmoid,
    formula: (z) => log(row(mn(1), mo("+"), sup(mi("e"), z))),
    prime_formula: (z) => row(mi("sigmoid"), fence(z)),
  },
  gelu: {
    sigma: gelu,
    prime: gelu_prime,
    formula: (z) => row(guarded(z), times, mi("Φ"), fence(z)),
    prime_formula: (z) =>
      row(mi("Φ"), fence(z), mo("+"), guarded(z), times, mi("φ"), fence(z)),
  },
  silu: {
    sigma: (z) => z * sigmoid(z),
    prime: silu_prime,
    formula: (z) => row(guarded(z), times, mi("sigmoid"), fence(z)),
    prime_formula: (z) =>
      row(
        mi("s"),
        fence(mn(1), mo("+"), guarded(z), one_minus(mi("s"))),
        mtext(", s = sigmoid"),
        fence(z),
      ),
  },
};

/** `there` where z is above 0, else `else_`, as a formula. */
function if_positive(z, there, else_) {
  return row(there, mtext(" if "), z, mo(">"), mn(0), mtext(", else "), else_);
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
