"use strict";
/*
 * loopbp/loops.py, function for function, under the same names and in the same order of operations:
 * one function per equation, one loop per index.  Nothing here touches the page.
 *
 * A matrix is an array of rows (each a Float64Array), so w[i][j], z[t][i] and delta[t][i] read as
 * they do in loops.py.  Layers are numbered 1..L as in the equations; entry 0 is the input.
 */

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
