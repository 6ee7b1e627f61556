"use strict";
/*
 * The network as SVG.  `draw` builds it for the room there is; `refresh_drawing` writes numbers,
 * signs and highlights into it, so that what has the focus keeps it.
 */

const SVG = "http://www.w3.org/2000/svg";
const MOST_UNITS = 6; // of a layer that are drawn
const NUMBER_WIDTH = 50; // of a weight on its line
const WIDE_GAP = 140; // between layers, from which on every weight carries its number

/** What is drawn: parts by key such as "weight,1,2,0", and the columns that arrow keys move in. */
const drawing = { parts: new Map(), columns: [], focus: null };

/** A new SVG element. */
function svg(name, attributes, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** The units of each layer that are drawn: the first ones, and the chosen one. */
function drawn_units() {
  return model.architecture.sizes.map((n, l) => {
    let keep = 0;
    if (chosen.kind !== "example") {
      if (l === chosen.l) keep = chosen.i;
      else if (l === chosen.l - 1 && chosen.kind === "weight") keep = chosen.j;
    }
    return pick(n, keep, MOST_UNITS);
  });
}

/** Build the drawing for `width` pixels. */
function draw(container, width) {
  const layers = drawn_units();
  const columns = layers.length + 1; // and the loss
  const wide = (width - 76) / (columns - 1) >= WIDE_GAP;
  const radius = wide ? 34 : 27;
  const room = 2 * radius + 50; // height for one unit: its bias above, its delta below
  const margin = radius + 8;
  const gap = Math.max(80, (width - 2 * margin) / (columns - 1));
  const tallest = Math.max(...layers.map(({ shown, left }) => shown.length + (left > 0 ? 0.4 : 0)));
  const height = tallest * room + 34;
  const total = 2 * margin + gap * (columns - 1);
  const x = (l) => margin + gap * l;
  const y = (l, k) =>
    34 +
    (height - 34 - layers[l].shown.length * room) / 2 +
    (k + 0.5) * room -
    (layers[l].left > 0 ? 0.2 * room : 0);
  const root = svg("svg", {
    width: total,
    height,
    viewBox: `0 0 ${total} ${height}`,
    role: "group",
    "aria-label": "The network",
  });
  const edges = svg("g", {});
  const nodes = svg("g", {});
  const numbers = svg("g", {}); // of the weights, above all lines
  root.append(edges, numbers, nodes);
  drawing.parts.clear();
  drawing.columns = [];
  Object.assign(drawing, { radius, digits: wide ? 4 : 3, labelled: gap - 2 * radius >= 50 });
  drawing.numbered = wide && layers.every(({ shown }) => shown.length <= 4);
  const lines = []; // of the weights, with their numbers still to be placed
  const taken = []; // boxes of other numbers: [x, y, width] of their middle
  layers.forEach(({ shown, left }, l) => {
    const heading = l === 0 ? "input" : l === model.L ? "output" : "hidden";
    const number = `l = ${layer_number(l)}`;
    const name = gap < 110 ? number : `${heading}, ${number}`;
    root.append(svg("text", { x: x(l), y: 14, class: "layer-name" }, name));
    if (l > 0) lines.push(...draw_weights(edges, numbers, layers, l, x, y));
    const biases = [];
    const units = [];
    shown.forEach((i, k) => {
      taken.push([x(l), y(l, k) - radius - 12, 76], [x(l), y(l, k) + radius + 12, 60]);
      if (l > 0) biases.push(draw_bias(nodes, l, i, x(l), y(l, k) - radius - 12));
      units.push(draw_unit(nodes, l, i, x(l), y(l, k)));
    });
    if (left > 0) {
      const bottom = y(l, shown.length - 1) + room * 0.72;
      root.append(svg("text", { x: x(l), y: bottom, class: "more" }, `… ${left} more`));
    }
    if (biases.length) drawing.columns.push(biases);
    drawing.columns.push(units);
  });
  place_numbers(lines, taken);
  draw_cost(edges, nodes, layers, x, y, (height + 34) / 2);
  container.replaceChildren(root);
  drawing.signature = drawing_signature(width);
}

/** What the structure of the drawing depends on. */
function drawing_signature(width) {
  const shown = drawn_units().map((layer) => layer.shown);
  return JSON.stringify([width, shown, convention.base, convention.input_layer]);
}

/** A part that can be focused and chosen; arrow keys move, so one at a time is in the tab order. */
function add_part(parent, key, name, ...children) {
  const group = svg(
    "g",
    { class: `part ${key.split(",")[0]}`, role: "button", tabindex: -1, "data-go": key },
    ...children,
  );
  parent.append(group);
  drawing.parts.set(key, { group, name });
  return key;
}

function draw_unit(parent, l, i, x, y) {
  const { radius } = drawing;
  const kind = l === 0 ? "given" : "computed";
  return add_part(
    parent,
    `unit,${l},${i}`,
    unit_name(l, i),
    svg("circle", { cx: x, cy: y, r: radius + 5, class: "halo" }),
    svg("circle", { cx: x, cy: y, r: radius, class: `body ${kind}` }),
    svg("text", { x, y: l === 0 ? y + 4 : y - 3, class: "value a" }),
    svg("text", { x, y: y + 13, class: "value z" }),
    svg("text", { x, y: y + radius + 16, class: "value delta" }),
  );
}

function draw_bias(parent, l, i, x, y) {
  const half = 38;
  return add_part(
    parent,
    `bias,${l},${i}`,
    parameter_name(l, i, null),
    svg("rect", { x: x - half, y: y - 10, width: 2 * half, height: 18, class: "body" }),
    svg("text", { x, y: y + 3, class: "value b" }),
  );
}

function draw_weights(parent, numbers, layers, l, x, y) {
  const { radius } = drawing;
  const column = [];
  const lines = [];
  layers[l].shown.forEach((i, k) => {
    layers[l - 1].shown.forEach((j, p) => {
      const from = [x(l - 1), y(l - 1, p)];
      const to = [x(l), y(l, k)];
      const length = Math.hypot(to[0] - from[0], to[1] - from[1]);
      const step = [(to[0] - from[0]) / length, (to[1] - from[1]) / length];
      const [x1, y1] = [from[0] + step[0] * radius, from[1] + step[1] * radius];
      const [x2, y2] = [to[0] - step[0] * radius, to[1] - step[1] * radius];
      const key = `weight,${l},${i},${j}`;
      const text = svg("text", { class: "value w part", "data-go": key });
      lines.push({ from: [x1, y1], to: [x2, y2], text });
      numbers.append(text);
      column.push(
        add_part(
          parent,
          key,
          parameter_name(l, i, j),
          svg("line", { x1, y1, x2, y2, class: "reach" }),
          svg("line", { x1, y1, x2, y2, class: "halo" }),
          svg("line", { x1, y1, x2, y2, class: "body" }),
        ),
      );
      drawing.parts.get(key).number = text;
    });
  });
  drawing.columns.push(column);
  return lines;
}

/** Put the number of each weight on its line where it covers as little as may be of others. */
function place_numbers(lines, taken) {
  const boxes = lines.map(() => null);
  const covered = ([x, y], own) => {
    let area = 0;
    for (const [k, box] of [...boxes, ...taken].entries()) {
      if (k === own || box === null) continue;
      const across = (NUMBER_WIDTH + box[2]) / 2 - Math.abs(x - box[0]);
      const down = 15 - Math.abs(y - box[1]);
      if (across > 0 && down > 0) area += across * down;
    }
    return area;
  };
  for (let round = 0; round < 4; round += 1) {
    for (const [k, { from, to }] of lines.entries()) {
      let least = Infinity;
      for (let away = 0; away <= 0.36; away += 0.03) {
        for (const along of [0.5 - away, 0.5 + away]) {
          const place = [from[0] + (to[0] - from[0]) * along, from[1] + (to[1] - from[1]) * along];
          const area = covered(place, k) + away; // near the middle, where there is a choice
          if (area < least) [least, boxes[k]] = [area, [...place, NUMBER_WIDTH]];
        }
      }
    }
  }
  for (const [k, { text }] of lines.entries()) {
    text.setAttribute("x", boxes[k][0]);
    text.setAttribute("y", boxes[k][1]);
  }
}

function draw_cost(edges, nodes, layers, x, y, middle) {
  const { radius } = drawing;
  const L = model.L;
  const column = x(L + 1);
  layers[L].shown.forEach((i, k) => {
    edges.append(
      svg("line", {
        x1: x(L) + radius,
        y1: y(L, k),
        x2: column - radius,
        y2: middle,
        class: "to-loss",
        "data-output": i,
      }),
    );
  });
  nodes.parentNode.append(svg("text", { x: column, y: 14, class: "layer-name" }, "loss"));
  drawing.columns.push([
    add_part(
      nodes,
      "cost",
      "the loss",
      svg("rect", {
        x: column - radius - 5,
        y: middle - radius - 5,
        width: 2 * radius + 10,
        height: 2 * radius + 10,
        class: "halo",
      }),
      svg("rect", {
        x: column - radius,
        y: middle - radius,
        width: 2 * radius,
        height: 2 * radius,
        class: "body computed",
      }),
      svg("text", { x: column, y: middle - 4, class: "value c" }),
      svg("text", { x: column, y: middle + radius + 18, class: "value cost" }),
    ),
  ]);
}

/* ---- what acts on what ----------------------------------------------------------------------- */

/** Whether a part lies on the path through which the chosen one acts on the loss. */
function on_path(kind, l, i, j) {
  if (chosen.kind === "example") return true;
  const start = chosen.l;
  if (kind === "cost") return true;
  if (chosen.kind === "unit") {
    if (kind === "unit") return l > start || (l === start && i === chosen.i);
    return kind === "weight" && (l > start + 1 || (l === start + 1 && j === chosen.i));
  }
  if (kind === chosen.kind && l === start && i === chosen.i)
    return kind === "bias" || j === chosen.j;
  if (kind === "unit") {
    const source = chosen.kind === "weight" && l === start - 1 && i === chosen.j;
    return source || l > start || (l === start && i === chosen.i);
  }
  return kind === "weight" && (l > start + 1 || (l === start + 1 && j === chosen.i));
}

/** The key of what is chosen. */
function chosen_key() {
  const { kind, l, i, j } = chosen;
  if (kind === "example") return "cost";
  return kind === "weight" ? `weight,${l},${i},${j}` : `${kind},${l},${i}`;
}

/* ---- the numbers ----------------------------------------------------------------------------- */

/** Write a number, or nothing, into a text of a part. */
function write(part, name, lead, value, expression) {
  const text = part.number ?? part.group.querySelector(`.${name}`);
  if (value === null) {
    text.replaceChildren();
    return;
  }
  const most = Math.abs(value) < 1e-3 || lead.startsWith("∂") ? 3 : drawing.digits;
  const number = svg(
    "tspan",
    { "data-q": expression },
    format(value, Math.min(convention.digits, most)),
  );
  if (lead) text.replaceChildren(svg("tspan", { class: "lead" }, lead), number);
  else text.replaceChildren(number);
}

/** Numbers, signs, highlights and names of all parts, at the present theta and step. */
function refresh_drawing() {
  const { t } = chosen;
  const step = passes()[chosen.step];
  const key_chosen = chosen_key();
  for (const [key, part] of drawing.parts) {
    const [kind, ...numbers] = key.split(",");
    const [l, i, j] = numbers.map(Number);
    const { group } = part;
    for (const element of part.number ? [group, part.number] : [group]) {
      element.classList.toggle("path", on_path(kind, l, i, j));
      element.classList.toggle("chosen", key === key_chosen);
      element.classList.toggle("now", step.lights(kind, l));
    }
    group.setAttribute("aria-pressed", key === key_chosen);
    let words;
    if (kind === "unit") words = write_unit(part, l, i, t);
    else if (kind === "cost") words = write_cost(part, t);
    else
      words = write_parameter(
        part,
        l,
        i,
        kind === "bias" ? null : j,
        key === key_chosen || step.lights(kind, l),
      );
    group.setAttribute("aria-label", `${part.name}${words}`);
    const focusable = key === (drawing.parts.has(drawing.focus) ? drawing.focus : key_chosen);
    group.setAttribute("tabindex", focusable ? 0 : -1);
  }
}

/** A number as it is read out. */
const said = (value) => format(value, convention.digits);

function write_unit(part, l, i, t) {
  const a = reached("a", l) ? now.a[l][t][i] : null;
  const z = l > 0 && reached("z", l) ? now.z[l][t][i] : null;
  const delta = l > 0 && reached("delta", l) ? scaled(now.delta[l][t][i], now.m) : null;
  write(part, "a", l === 0 ? "" : "a ", a, `a[${l}][${t}][${i}]`);
  write(part, "z", "z ", z, `z[${l}][${t}][${i}]`);
  write(part, "delta", "δ ", delta, scaled_q(`delta[${l}][${t}][${i}]`));
  const say = (name, value) => (value === null ? "" : `, ${name} ${said(value)}`);
  return `${say("a", a)}${l > 0 ? say("z", z) : ""}${say("delta", delta)}`;
}

function write_cost(part, t) {
  const C = reached("C", model.L) ? now.C[t] : null;
  write(part, "c", "C ", C, `C[${t}]`);
  write(part, "cost", "J ", C === null ? null : now.J, "J");
  return C === null ? "" : ` ${said(C)} of example ${index(t)}, cost ${said(now.J)}`;
}

/** A weight or bias: its value, and once the passes have reached it its derivative. */
function write_parameter(part, l, i, j, in_focus) {
  const bias = j === null;
  const value = bias ? now.b[l][i] : now.w[l][i][j];
  const [d, d_q] = bias ? pair("db", l, i) : pair("dw", l, i, j);
  const value_q = bias ? `b[${l}][${i}]` : `w[${l}][${i}][${j}]`;
  const { group } = part;
  group.classList.toggle("negative", value < 0);
  const derived = reached("dw", l);
  const shows_derivative = derived && passes()[chosen.step].lights("gradient", l);
  if (bias) {
    if (shows_derivative) write(part, "b", "∂b ", d, d_q);
    else write(part, "b", "b ", value, value_q);
  } else {
    group.style.setProperty("--thick", `${Math.min(7, 1 + 2.4 * Math.abs(value))}px`);
    const visible = drawing.numbered || (in_focus && drawing.labelled);
    if (!visible) write(part, "w", "", null);
    else if (shows_derivative) write(part, "w", "∂ω ", d, d_q);
    else write(part, "w", "", value, value_q);
  }
  return ` ${said(value)}${derived ? `, derivative ${said(d)}` : ""}`;
}

/* ---- keys ------------------------------------------------------------------------------------ */

/** Move the focus within the drawing; returns whether the key was one of its own. */
function move_focus(key) {
  const { columns } = drawing;
  const current = document.activeElement.dataset.go;
  let column = columns.findIndex((parts) => parts.includes(current));
  if (column < 0) return false;
  let place = columns[column].indexOf(current);
  const share = (place + 0.5) / columns[column].length;
  if (key === "ArrowDown") place = Math.min(place + 1, columns[column].length - 1);
  else if (key === "ArrowUp") place = Math.max(place - 1, 0);
  else if (key === "ArrowRight" || key === "ArrowLeft") {
    column = Math.min(Math.max(column + (key === "ArrowRight" ? 1 : -1), 0), columns.length - 1);
    place = Math.min(Math.floor(share * columns[column].length), columns[column].length - 1);
  } else if (key === "Home") [column, place] = [0, 0];
  else if (key === "End") [column, place] = [columns.length - 1, 0];
  else return false;
  drawing.focus = columns[column][place];
  for (const [name, part] of drawing.parts)
    part.group.setAttribute("tabindex", name === drawing.focus ? 0 : -1);
  drawing.parts.get(drawing.focus).group.focus();
  return true;
}
