"""The study page's mathematics and derivations under Node."""

import json
import math
import shutil

import numpy as np
import pytest
from cases import helpers
from cases.pages import HIDDEN, MUTATIONS, PAIRS, Engine, embedded, make

from loopbp.study import page
from loopbp.study.page import page_html

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="there is no node to run the page's engine")

_LOAD = """
const fs = require("fs"), vm = require("vm");
const [folder, names, given] = process.argv.slice(2);
for (const name of names.split(",")) {
  vm.runInThisContext(fs.readFileSync(`${folder}/${name}`, "utf8"));
}
const rows = (matrix) => matrix.map((values) => Float64Array.from(values));
"""
_ENGINE_RUN = """
const out = JSON.parse(fs.readFileSync(given)).map((data) => {
  const architecture = make_architecture(data.network);
  const theta = Float64Array.from(data.theta);
  const now = compute(theta, architecture, rows(data.X), rows(data.Y));
  const fd = finite_difference(theta, architecture, rows(data.X), rows(data.Y), 1);
  const test = self_test(architecture, now, data.expected);
  return { gradient: Array.from(now.gradient), J: now.J, fd: fd.value, kink: fd.kink, test };
});
console.log(JSON.stringify(out));
"""


def run_node(script, tmp_path, names, given, folder=None):
    """What a script prints that knows those of the page's files, and where the data are."""
    if folder is None:
        folder = tmp_path / "scripts"
        folder.mkdir(exist_ok=True)
        for name in names:
            (folder / name).write_text(page.text_of(name))
    target = tmp_path / "run.js"
    target.write_text(_LOAD + script)
    done = helpers.ended([str(NODE), str(target), str(folder), ",".join(names), str(given)])
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def all_cases():
    """Every hidden activation with every pair of output and loss; some depths, some penalties."""
    cases = []
    for number, (output, loss) in enumerate(PAIRS):
        for k, hidden in enumerate(HIDDEN):
            sizes = [(3, 4, 2), (2, 3, 4, 3), (3, 2)][(number + k) % 3]
            l2 = 0.1 * ((number + k) % 2)
            net, X, Y = make(sizes, [hidden] * (len(sizes) - 2), output, loss, l2=l2)
            net.theta = net.theta * 0.5
            cases.append((net, X, Y))
    return cases


@pytest.fixture(scope="module")
def engine_cases(all_cases, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "cases.json"
    path.write_text(json.dumps([embedded(page_html(*case)) for case in all_cases]))
    return path


def deviation(case, result):
    net, X, Y = case
    g = net.gradient(X, Y, engine="numpy")
    gap = np.abs(np.array(result["gradient"]) - g.theta) / np.maximum(1, np.abs(g.theta))
    return max(gap.max(), abs(result["J"] - g.loss) / max(1, abs(g.loss)))


@needs_node
def test_engine_equals_the_gradient(all_cases, engine_cases, tmp_path):
    results = run_node(_ENGINE_RUN, tmp_path, page.MATHEMATICS, engine_cases)
    assert len(results) == len(all_cases) == len(PAIRS) * len(HIDDEN)
    for case, result in zip(all_cases, results, strict=True):
        assert deviation(case, result) < 1e-12, case
        assert result["test"] < 1e-12, case
        if not result["kink"]:
            want = case[0].gradient(case[1], case[2], engine="numpy").theta[1]
            assert result["fd"] == pytest.approx(want, rel=1e-6, abs=1e-8), case


def mutated(names, right, wrong, folder):
    """A folder with those of the page's files, one of them wrong."""
    folder.mkdir()
    texts = {name: page.text_of(name) for name in names}
    assert sum(right in text for text in texts.values()) == 1
    for name, text in texts.items():
        (folder / name).write_text(text.replace(right, wrong))
    return folder


@needs_node
@pytest.mark.parametrize("missing", MUTATIONS)
def test_wrong_engine_is_caught(missing, all_cases, engine_cases, tmp_path):
    right, wrong = MUTATIONS[missing]
    folder = mutated(page.MATHEMATICS, right, wrong, tmp_path / "web")
    results = run_node(_ENGINE_RUN, tmp_path, page.MATHEMATICS, engine_cases, folder)
    assert max(map(deviation, all_cases, results)) > 1e-4
    assert max(result["test"] for result in results) > 1e-4


@needs_node
def test_erf(tmp_path):
    points = [k / 16 for k in range(-112, 113)]
    (tmp_path / "points.json").write_text(json.dumps(points))
    script = "console.log(JSON.stringify(JSON.parse(fs.readFileSync(given)).map(erf)));"
    found = run_node(script, tmp_path, ["activations.js"], tmp_path / "points.json")
    assert max(abs(p - math.erf(x)) for p, x in zip(found, points, strict=True)) < 4e-15


# The derivations without a page: every choice in every convention, as pairs (data-q, text).
_DERIVATION_FILES = (*page.MATHEMATICS, *page.MARKUP)
_DERIVATION_RUN = """
const numbers = /data-q="([^"]*)">([^<]*)</g;
const out = JSON.parse(fs.readFileSync(given)).map((data) => {
  const architecture = make_architecture(data.network);
  const [X, Y, theta] = [rows(data.X), rows(data.Y), Float64Array.from(data.theta)];
  const L = layer_count(architecture);
  globalThis.model = { ...data, architecture, X, Y, L, m: X.length, n_outputs: Y[0].length };
  globalThis.now = compute(theta, architecture, X, Y);
  const found = new Map();
  let faults = 0;
  const collect = (markup) => {
    for (const [, q, text] of markup.matchAll(numbers)) found.set(q + " " + text, [q, text]);
  };
  for (const [factor, orientation] of [["loss", "ij"], ["cost", "ji"]]) {
    Object.assign(vm.runInThisContext("convention"), { factor, orientation, digits: 7 });
    for (let l = 0; l <= L; l += 1) for (const kind of ["weight", "bias", "unit", "example"]) {
      if (l === 0 && kind !== "unit") continue;
      const [i, j, t] = [architecture.sizes[l] - 1, 1, X.length - 2];
      const k = kind === "weight" ? j : null;
      const difference = l > 0
        ? finite_difference(theta, architecture, X, Y, position_of(architecture, l, i, k)) : null;
      globalThis.chosen = { kind, l, i, j, t, output: 1, difference };
      collect(vm.runInThisContext("derivation()"));
      for (const name of vm.runInThisContext("loop_names()")) {
        for (let step = 0; ; step += 1) {
          chosen.loop = { name, l: Math.max(l, 1), i, j, step };
          const view = vm.runInThisContext("loop_view()");
          collect(view.says + view.matrix);
          if (!view.code.includes("aria-current")) faults += 1;
          if (view.says.includes("/m")) faults += 1; // the code's deltas carry no 1/m
          if (view.called && !view.called.includes("aria-current")) faults += 1;
          if (step === view.steps - 1) break;
        }
      }
    }
  }
  return { found: [...found.values()], faults };
});
console.log(JSON.stringify(out));
"""


@needs_node
def test_every_number_of_every_derivation(all_cases, engine_cases, tmp_path):
    few = tmp_path / "cases.json"  # each pair of output and loss with two or three activations
    few.write_text(json.dumps(json.loads(engine_cases.read_text())[::4]))
    results = run_node(_DERIVATION_RUN, tmp_path, _DERIVATION_FILES, few)
    for case, result in zip(all_cases[::4], results, strict=True):
        assert result["faults"] == 0
        assert len(result["found"]) > 100
        assert Engine(*case).wrong(result["found"]) == [], case


@needs_node
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("value: w * now.a[l - 1][t][j],", "value: w + now.a[l - 1][t][j],"),
        ('return convention.factor === "loss" ? value : value / m;', "return value;"),
        ("total += value;", "total -= value;"),
    ],
    ids=["derivation", "mathml", "loop and matrix"],
)
def test_wrong_numbers_in_a_derivation_are_caught(right, wrong, all_cases, tmp_path):
    folder = mutated(_DERIVATION_FILES, right, wrong, tmp_path / "web")
    cases = tmp_path / "cases.json"
    cases.write_text(json.dumps([embedded(page_html(*all_cases[0]))]))
    (result,) = run_node(_DERIVATION_RUN, tmp_path, _DERIVATION_FILES, cases, folder)
    assert Engine(*all_cases[0]).wrong(result["found"]) != []
