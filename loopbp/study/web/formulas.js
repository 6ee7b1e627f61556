"use strict";
/*
 * The formulas of loopbp/catalogue.py as markup.  A formula comes as `loopbp.formulas.tree` writes
 * it: a number, a letter, or a list that begins with an operator.
 */

const BINDS = { if: 0, "+": 2, "-": 2, "*": 3, neg: 3, "/": 5, "**": 5 };
const SYMBOLS = { Phi: "Φ", phi: "φ", log: "ln" };

/** How tightly the outermost operator of a formula binds. */
function binds(tree) {
  return Array.isArray(tree) ? (BINDS[tree[0]] ?? 6) : 6;
}

/** A formula as markup, `letters` those of its letters that have markup of their own. */
function formula_markup(tree, letters) {
  const whole = (part) => formula_markup(part, letters);
  const within = (part, least) => (binds(part) < least ? fence(whole(part)) : guarded(whole(part)));
  if (typeof tree === "number") return mn(tree);
  if (typeof tree === "string") return letters[tree] ?? mi(tree);
  const [operator, ...parts] = tree;
  const [first, second, third] = parts;
  switch (operator) {
    case "+":
      return row(whole(first), mo("+"), within(second, 2));
    case "-":
      return row(whole(first), minus, within(second, 3));
    case "*":
      return row(within(first, 3), times, within(second, 4));
    case "/":
      return frac(whole(first), whole(second));
    case "**":
      return sup(within(first, 6), whole(second));
    case "neg":
      return row(mo("−"), within(first, 3));
    case "if": {
      const [sign, left, right] = first;
      const condition = row(whole(left), mo(sign), whole(right));
      return row(whole(second), mtext(" if "), condition, mtext(", else "), whole(third));
    }
    case "call":
      return function_markup(first, parts.slice(1).map(whole));
    default:
      throw new Error(`formula: ${operator}`);
  }
}

/** A function of arguments in markup. */
function function_markup(name, inside) {
  if (name === "exp") return sup(mi("e"), inside[0]);
  if (name === "abs") return row(mo("|"), inside[0], mo("|"));
  return row(mi(SYMBOLS[name] ?? name), fence(inside.join(mo(","))));
}

/** A formula, and behind it what the letters of `where` stand for. */
function formula_of(tree, letters, where = {}) {
  const said = Object.entries(where).map(([letter, meant]) =>
    row(mtext(", "), mi(letter), equals, formula_markup(meant, letters)),
  );
  return row(formula_markup(tree, letters), ...said);
}
