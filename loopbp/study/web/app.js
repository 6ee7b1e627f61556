"use strict";
/*
 * What the reader may do: every control and what it is tied to; and the start of the page.
 */

function set_convention(name, value) {
  convention[name] = value;
  refresh();
}

function listen() {
  const on = (id, event, action) => $(id).addEventListener(event, action);
  const pressed = (id, action) =>
    on(id, "click", () => $(id).getAttribute("aria-disabled") !== "true" && action());
  pressed("step-first", () => go_to_step(0));
  pressed("step-back", () => go_to_step(chosen.step - 1));
  pressed("step-next", () => go_to_step(chosen.step + 1));
  pressed("step-last", () => go_to_step(passes().length - 1));
  on("factor", "change", () => set_convention("factor", $("factor").value));
  on("orientation", "change", () => set_convention("orientation", $("orientation").value));
  on("base", "change", () => set_convention("base", Number($("base").value)));
  on("input-layer", "change", () => set_convention("input_layer", Number($("input-layer").value)));
  on("digits", "change", () => set_convention("digits", Number($("digits").value)));
  on("theme", "change", () => {
    document.documentElement.dataset.theme = $("theme").value;
  });
  on("kind", "change", choose_by_index);
  for (const name of ["layer", "unit", "input", "example"]) {
    on(`index-${name}`, "input", set_index_limits);
    on(`index-${name}`, "change", choose_by_index);
  }
  let waiting = false;
  on("value-slider", "input", () => {
    if (waiting) return;
    waiting = true; // many moves within one frame are one change
    requestAnimationFrame(() => {
      waiting = false;
      set_value($("value-slider").valueAsNumber);
    });
  });
  on("value-number", "input", () => set_value($("value-number").valueAsNumber));
  for (const id of ["value-slider", "value-number"]) {
    on(id, "change", () =>
      requestAnimationFrame(() => {
        editing = false;
      }),
    );
  }
  on("loop-name", "change", () => {
    chosen.loop = { ...chosen.loop, name: $("loop-name").value, step: 0 };
    refresh_loop();
  });
  on("loop-step", "input", () => {
    chosen.loop.step = $("loop-step").valueAsNumber;
    refresh_loop();
  });
  on("train", "click", train);
  pressed("undo", undo);
  on("reset", "click", reset);
  document.addEventListener("click", (event) => {
    const target = event.target.closest("[data-go], [data-loop]");
    if (target) activate(target);
  });
  document.addEventListener(
    "toggle",
    (event) => {
      const { open: key } = event.target.dataset;
      if (key) opened[event.target.open ? "add" : "delete"](key);
    },
    true,
  );
  on("drawing", "keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" || event.key === " ") activate(event.target);
    else if (!move_focus(event.key)) return;
    event.preventDefault();
  });
  new ResizeObserver(refresh_network).observe($("drawing"));
}

/** What a click, or Enter, on a part of the drawing or a button of the page does. */
function activate(target) {
  const { go: place, loop } = target.dataset;
  if (loop) {
    show_loop(loop, chosen.l, chosen.i, chosen.j);
    refresh_loop();
    $("loop-title").focus();
    return;
  }
  const in_drawing = $("drawing").contains(target);
  if (in_drawing) drawing.focus = place;
  choose(place);
  if (in_drawing) drawing.parts.get(place).group.focus({ preventScroll: true });
  if (!in_drawing && !place.startsWith("see")) $("choice-title").focus();
}

/** Compare this page's numbers with those of the Python engine that are embedded. */
function show_self_test() {
  const worst = self_test(model.architecture, at_load, model.expected);
  const matches = worst <= 1e-12;
  const size = worst === 0 ? "0" : worst.toExponential(0).replace("-", "−");
  $("check").className = matches ? "good" : "bad";
  $("check").textContent = matches
    ? `Numbers checked against the engine: max deviation ${size}`
    : `The numbers of this page are not those of the engine: max deviation ${worst}`;
}

convention.factor = model.convention;
$("factor").value = model.convention;
$("loop-name").innerHTML = loop_names()
  .map((name) => `<option>${name}</option>`)
  .join("");
chosen.step = passes().length - 1;
if (chosen.l === model.L) chosen.output = chosen.i;
show_loop(...default_loop());
show_self_test();
listen();
refresh();
