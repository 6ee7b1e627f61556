"use strict";
/*
 * Numbers and formulas as markup.  Every number that is shown carries in data-q the expression it
 * is the value of, for example "w[2][0][1]*delta[2][3][0]", so that each can be checked.
 */

/* ---- numbers --------------------------------------------------------------------------------- */

/** A number to `digits` significant digits, with a real minus sign; whole numbers as they are. */
function format(value, digits) {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  let text;
  if (Number.isInteger(value) && size < 1e6) text = String(size);
  else if (size < 1e-3 || size >= 1e6) text = size.toExponential(digits - 1);
  else text = size.toPrecision(Math.max(digits, Math.ceil(Math.log10(size)) + 1));
  text = text.replace("e-", "e−").replace("e+", "e");
  return value < 0 ? `−${text}` : text;
}

/** A number inside text or a table; at_least: digits that tell it from its neighbours. */
function num(value, expression, at_least = 0) {
  const text = format(value, Math.max(convention.digits, at_least));
  return `<span class="num" data-q="${expression}">${text}</span>`;
}

/** A number inside a formula. */
function mnum(value, expression) {
  return `<mn data-q="${expression}">${format(value, convention.digits)}</mn>`;
}

/** In parentheses, if it is a negative number: for products, powers and differences. */
function guarded(markup) {
  return /^<mn[^>]*>−/.test(markup) ? fence(markup) : markup;
}

/** A number inside a product, in parentheses where it is negative. */
function factor(value, expression) {
  return guarded(mnum(value, expression));
}

/** Text that may hold anything, as markup. */
function escape_text(text) {
  const names = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return String(text).replace(/[&<>"']/g, (sign) => names[sign]);
}

/* ---- MathML ---------------------------------------------------------------------------------- */

const math = (...parts) => `<math>${row(...parts)}</math>`;
const row = (...parts) => `<mrow>${parts.join("")}</mrow>`;
const mi = (name) => `<mi>${name}</mi>`;
const mn = (value) => `<mn>${value}</mn>`;
const mo = (sign) => `<mo form="infix">${sign}</mo>`;
const fence = (...parts) =>
  row(
    '<mo form="prefix" stretchy="false">(</mo>',
    ...parts,
    '<mo form="postfix" stretchy="false">)</mo>',
  );
const tall_fence = (...parts) =>
  row('<mo form="prefix">(</mo>', ...parts, '<mo form="postfix">)</mo>');
const mtext = (text) => `<mtext>${text.replaceAll(" ", "&nbsp;")}</mtext>`;
const frac = (top, bottom) => `<mfrac>${row(top)}${row(bottom)}</mfrac>`;
const sub = (base, below) => `<msub>${base}${row(below)}</msub>`;
const sup = (base, above) => `<msup>${base}${row(above)}</msup>`;
const subsup = (base, below, above) => `<msubsup>${base}${row(below)}${row(above)}</msubsup>`;
const sum_over = (index) =>
  `<munder><mo form="prefix" movablelimits="false">∑</mo>${index}</munder>`;
const partial = (top, bottom) => frac(row(mi("∂"), top), row(mi("∂"), bottom));
const equals = mo("=");
const times = mo("·");
const minus = mo("−");

/** A formula in pieces that may wrap onto the next line where the page is narrow. */
function equation(...pieces) {
  const inside = pieces.map((piece) => `<math displaystyle="true">${row(piece)}</math>`);
  return `<p class="eq">${inside.join(" ")}</p>`;
}

/* ---- conventions and the symbols that follow them -------------------------------------------- */

/** The switches: how the same quantities are written and numbered. */
const convention = { factor: "loss", orientation: "ij", base: 0, input_layer: 0, digits: 4 };

/** The number a unit, input or example goes by. */
const index = (k) => k + convention.base;

/** The number a layer goes by. */
const layer_number = (l) => l + convention.input_layer;

/** An index in a formula: a number of this network, or a letter. */
const letter = (k) => (typeof k === "number" ? mn(index(k)) : mi(k));

/** A layer in a formula: a number, or a letter such as l, with an offset. */
const layer_mark = (l) => (typeof l === "number" ? mn(layer_number(l)) : l);

/** q^l_i, with the example (t) where more than one is in play. */
function unit_symbol(name, l, i, t) {
  const above = t === undefined ? layer_mark(l) : row(layer_mark(l), fence(letter(t)));
  return subsup(mi(name), letter(i), above);
}

/** The weight to unit i of layer l from unit j, its indices in the chosen order. */
function weight_symbol(l, i, j) {
  const [first, second] = convention.orientation === "ij" ? [i, j] : [j, i];
  const numbers = typeof i === "number" || typeof j === "number";
  const below = numbers
    ? row(letter(first), mo(","), letter(second))
    : row(letter(first), letter(second));
  return subsup(mi("ω"), below, layer_mark(l));
}

/** The weight or (j null) bias. */
function parameter_symbol(l, i, j) {
  return j === null ? unit_symbol("b", l, i) : weight_symbol(l, i, j);
}

const z_of = (l, i, t) => unit_symbol("z", l, i, t);
const a_of = (l, i, t) => unit_symbol("a", l, i, t);
const delta_of = (l, i, t) => unit_symbol("δ", l, i, t);
/** C^t; a number in parentheses, or it would read as a power. */
const example_loss = (t) => sup(mi("C"), typeof t === "number" ? fence(letter(t)) : letter(t));
const target_of = (i) => sub(mi("y"), letter(i));
const sigma_prime_of = (inside) => row(sup(mi("σ"), mo("′")), fence(inside));
const one_over_m = frac(mn(1), mi("m"));

/** What delta is the derivative of: C^t, or with the cost convention J. */
function differentiated(t) {
  return convention.factor === "loss" ? example_loss(t) : mi("J");
}

/* In the cost convention every delta and dA carries the 1/m; the engine's own arrays do not. */

/** A delta or dA as the chosen convention has it. */
function scaled(value, m) {
  return convention.factor === "loss" ? value : value / m;
}

/** The expression of a delta or dA as the chosen convention has it. */
function scaled_q(expression) {
  return convention.factor === "loss" ? expression : `${expression}/m`;
}

/**
 * A quantity of the engine at an index, and its expression: raw_pair("z", 1, 0, 2) is
 * [z[1][0][2], "z[1][0][2]"].  Spread into num, mnum or factor.
 */
function raw_pair(name, ...place) {
  const value = place.reduce((array, k) => array[k], now[name]);
  return [value, `${name}${place.map((k) => `[${k}]`).join("")}`];
}

/** The same, a delta or dA as the chosen convention has it. */
function pair(name, ...place) {
  const [value, q] = raw_pair(name, ...place);
  return name === "delta" || name === "da" ? [scaled(value, now.m), scaled_q(q)] : [value, q];
}

/* ---- tables ---------------------------------------------------------------------------------- */

/** A row of a table: its name and its cells. */
function table_row(name, ...cells) {
  const inside = cells.map((cell) => `<td>${cell}</td>`).join("");
  return `<tr><th scope="row">${name}</th>${inside}</tr>`;
}

/** The row that stands for those left out: what it says over `span` columns, and its last cell. */
function rest_row(span, text, cell) {
  const last = cell === undefined ? "" : `<td>${cell}</td>`;
  return `<tr class="rest"><th scope="row" colspan="${span}">… ${text}</th>${last}</tr>`;
}

/** A table in a box that scrolls by itself where the page is narrow. */
function table(caption, heads, lines, foot = "") {
  const head = heads.map((cell) => `<th scope="col">${cell}</th>`).join("");
  return (
    `<div class="scroll" role="region" tabindex="0" aria-label="${caption}">` +
    `<table class="terms"><caption>${caption}</caption><thead><tr>${head}</tr></thead>` +
    `<tbody>${lines.join("")}</tbody>${foot}</table></div>`
  );
}

/* ---- names in words -------------------------------------------------------------------------- */

/** "layer 1 unit 2", "input 0". */
function unit_name(l, i) {
  return l === 0 ? `input ${index(i)}` : `layer ${layer_number(l)} unit ${index(i)}`;
}

/** "weight to layer 1 unit 2 from input 0". */
function parameter_name(l, i, j) {
  if (j === null) return `bias of ${unit_name(l, i)}`;
  return `weight to ${unit_name(l, i)} from ${unit_name(l - 1, j)}`;
}
