"use strict";
/*
 * What the derivations are put together from: titled blocks, buttons that choose, sums as tables.
 */

const MOST_TERMS = 8; // of a sum that are listed; the rest is summed in one line

/** A titled step of a derivation; `loop` names the function that computes it. */
function block(title, source, loop, body) {
  const button = loop
    ? `<button type="button" class="show-loop" data-loop="${loop}">` +
      `Loop: <code>${loop}</code></button>`
    : "";
  const cite = source ? ` <cite>${source}</cite>` : "";
  const header = `<header><h3>${title}${cite}</h3>${button}</header>`;
  return `<section class="block">${header}${body}</section>`;
}

/** A button that chooses something: `what` is for example "unit,1,2". */
function go(what, label, name) {
  const attributes = `type="button" class="go" data-go="${what}" aria-label="${name}"`;
  return `<button ${attributes}>${label}</button>`;
}

/** Positions of the terms to list, in their order: all, or the largest. */
function largest(values, count) {
  const order = values.map((_, k) => k);
  if (order.length <= count) return order;
  order.sort((p, q) => Math.abs(values[q]) - Math.abs(values[p]));
  return order.slice(0, count).sort((p, q) => p - q);
}

/**
 * A sum as a table: one row a term, its factors and its value, and the total below.
 * terms: [{name, factors: [[value, expression], ...], value, q}],
 * total: [symbol, value, expression].
 */
function sum_table(caption, heads, terms, total) {
  const shown = largest(
    terms.map((term) => term.value),
    MOST_TERMS,
  );
  const lines = shown.map((k) => {
    const { name, factors, value, q } = terms[k];
    return table_row(name, ...factors.map((pair) => num(...pair)), num(value, q));
  });
  const [symbol, value, expression] = total;
  const left = terms.length - shown.length;
  const span = heads.length - 1;
  if (left > 0) {
    const listed = shown.reduce((sum, k) => sum + terms[k].value, 0);
    const q = `(${expression})-(${shown.map((k) => `(${terms[k].q})`).join("+")})`;
    lines.push(rest_row(span, `${left} smaller terms, together`, num(value - listed, q)));
  }
  const foot =
    `<tfoot><tr><th scope="row" colspan="${span}">sum${symbol ? ` = ${math(symbol)}` : ""}</th>` +
    `<td>${num(value, expression)}</td></tr></tfoot>`;
  return table(caption, heads, lines, foot);
}
