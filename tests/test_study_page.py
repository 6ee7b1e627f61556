"""The study page: its text, its engine under Node, and the page itself in a browser."""

import json
import math
import re
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from cases import helpers

import loopbp
from loopbp import losses, reference
from loopbp.activations import NAMES
from loopbp.catalogue import LOSSES
from loopbp.study import page
from loopbp.study.page import page_html, write_page

WEB = Path(page.__file__).with_name("web")
HIDDEN = [name for name in NAMES if name != "softmax"]
PAIRS = [(output, loss) for loss in losses.NAMES for output in sorted(LOSSES[loss].outputs)]


def make(
    sizes: Any = (3, 4, 2),
    hidden: Any = "tanh",
    output="softmax",
    loss="cross_entropy",
    m=6,
    **more,
):
    """A network with every parameter set, and a batch that fits it."""
    net = loopbp.Network(sizes, hidden, output, loss, initializer="normal", seed=3, **more)
    rng = np.random.default_rng(7)
    X = np.round(rng.normal(size=(m, sizes[0])), 2)
    if output == "softmax":
        Y = np.eye(sizes[-1])[rng.integers(0, sizes[-1], m)]
    elif loss in ("binary_cross_entropy", "cross_entropy"):
        Y = rng.integers(0, 2, (m, sizes[-1])).astype(float)
    else:
        Y = np.round(rng.uniform(0.1, 2.0, (m, sizes[-1])), 1)
    return net, X, Y


# -- every number that the page shows names what it is; here that is computed without the page ----


class Engine:
    """The quantities that a ``data-q`` may name, from `Network.gradient` and `reference`."""

    def __init__(self, net, X, Y, at_load=None, moved=None):
        g = net.gradient(X, Y, engine="numpy")
        arch, L, m = net.architecture, len(net.sizes) - 1, len(X)
        names = ["", *net.hidden, net.output]
        z, a, delta = [None, *g.weighted_inputs], g.activations, [None, *g.deltas]
        w = [None, *(v.copy() for v in net.weights)]
        b = [None, *(v.copy() for v in net.biases)]
        prime = [None] + [
            np.zeros_like(z[l]) if names[l] == "softmax" else reference._SIGMA_PRIME[names[l]](z[l])
            for l in range(1, L + 1)
        ]
        da = [None] + [delta[l + 1] @ w[l + 1] for l in range(1, L)]
        da.append(reference._loss_gradient(arch.loss, a[L], Y))
        C = reference._losses(arch.loss, arch.activation[L], z[L], a[L], Y)
        penalty = sum(reference.penalty(v, net.l2) for v in net.weights)
        self.net, self.X, self.Y = net, X, Y
        self.names = {
            "w": w, "b": b, "z": z, "a": a, "delta": delta, "da": da,
            "prime": prime, "dw": [None, *g.weights], "db": [None, *g.biases], "y": Y, "C": C,
            "J": g.loss, "m": m, "l2": net.l2, "penalty": penalty, "term": self._terms(z[L], a[L]),
            "fd": self._finite_difference, "cost": self._cost, "moved": moved,
            "at_load": at_load and SimpleNamespace(**at_load.names),
        }  # fmt: skip

    def _terms(self, z, a):
        """What each output adds to C^t before C^t is averaged over outputs."""
        arch, Y, columns = self.net.architecture, self.Y, range(self.Y.shape[1])
        if self.net.output == "softmax" and self.net.loss_name == "cross_entropy":
            kept = [Y * (np.arange(Y.shape[1]) == i) for i in columns]
            parts = [reference._losses(arch.loss, arch.activation[-1], z, a, y) for y in kept]
        else:
            # one output of a softmax says nothing of its a; behind no known output a is taken as is
            code = -1 if self.net.output == "softmax" else arch.activation[-1]
            parts = [
                reference._losses(arch.loss, code, z[:, [i]], a[:, [i]], Y[:, [i]]) for i in columns
            ]
        return np.stack(parts, axis=1)

    def _cost(self, l, i, j, h):
        place = (self.net.biases[l - 1], i) if j is None else (self.net.weights[l - 1], (i, j))
        kept = place[0][place[1]]
        place[0][place[1]] = kept + h
        try:
            return self.net.loss(self.X, self.Y, engine="numpy")
        finally:
            place[0][place[1]] = kept

    def _finite_difference(self, l, i, j, h=1e-5):
        return (self._cost(l, i, j, h) - self._cost(l, i, j, -h)) / (2 * h)

    def wrong(self, shown):
        """Those of the pairs (expression, text) whose text is not the value to its digits."""
        return [(q, text) for q, text in shown if not self._agrees(q, text)]

    def _agrees(self, q, text):
        value = float(eval(q, {"__builtins__": {}}, self.names))
        text = text.replace("−", "-").strip()
        number = float(text)
        match = re.fullmatch(r"-?\d+(?:\.(\d+))?(?:e(-?\d+))?", text)
        assert match, text
        decimals, exponent = match.groups()
        last_digit = 0.0
        if decimals or exponent:
            last_digit = 10.0 ** (int(exponent or 0) - len(decimals or ""))
        slack = 1e-7 * max(1, abs(value)) if q.startswith("fd") else 1e-12 * max(1, abs(value))
        return abs(number - value) <= 0.5 * last_digit + slack


def test_engine_check_rejects_a_wrong_digit():
    net, X, Y = make()
    engine = Engine(net, X, Y)
    right = f"{net.gradient(X, Y, engine='numpy').weights[0][1, 2]:.4g}".replace("-", "−")
    off = right[:-1] + str((int(right[-1]) + 1) % 10)
    assert engine.wrong([("dw[1][1][2]", right)]) == []
    assert engine.wrong([("dw[1][1][2]", off)]) != []
    assert engine.wrong([("dw[1][1][1]", right)]) != []


# -- the text -------------------------------------------------------------------------------------


def embedded(text):
    match = re.search(r'id="data">(.*?)</script>', text, re.S)
    assert match
    return json.loads(match[1])


def test_html_is_valid():
    html5lib = pytest.importorskip("html5lib", reason="html5lib is not installed")
    parser = html5lib.HTMLParser(strict=True)
    parser.parse(page_html(*make()))
    with pytest.raises(html5lib.html5parser.ParseError):
        html5lib.HTMLParser(strict=True).parse(page_html(*make()).replace("</main>", "", 1))


def outside(text):
    """What would make a browser ask for another file."""
    urls = re.findall(r"https?://[^\s\"'<>)]+", text)
    names = ("http://www.w3.org/2000/svg", "http://www.w3.org/1998/Math/MathML")
    found = [url for url in urls if url not in names]
    found += re.findall(r'\s(?:src|srcset|action|poster)="[^"]*"', text)
    found += re.findall(r"@import|url\([^)]*\)", text)
    return found + [
        h for h in re.findall(r'\shref="([^"]*)"', text) if h[0] != "#" and h != "data:,"
    ]


def test_one_file_needs_no_other():
    text = page_html(*make())
    assert outside(text) == []
    assert "default-src 'none'" in text
    assert outside(text.replace("</head>", '<script src="x.js"></script></head>')) != []
    assert outside(text.replace("</head>", '<link href="https://a.b/c.css"></head>')) != []


def test_data_round_trips():
    net, X, Y = make(l2=0.01)
    data = embedded(page_html(net, X, Y, layer=2, unit=1, input=3, example=4, convention="cost"))
    assert data["theta"] == net.theta.tolist()
    assert data["X"] == X.tolist()
    assert data["Y"] == Y.tolist()
    assert data["network"] == {
        "sizes": [3, 4, 2], "activations": ["tanh", "softmax"], "loss": "cross_entropy", "l2": 0.01,
    }  # fmt: skip
    assert data["start"] == {"kind": "weight", "l": 2, "i": 1, "j": 3, "t": 4}
    assert data["convention"] == "cost"
    g = net.gradient(X, Y, engine="numpy")
    np.testing.assert_allclose(data["expected"]["gradient"], g.theta, rtol=1e-12, atol=1e-14)
    for l in (0, 1):
        np.testing.assert_allclose(data["expected"]["z"][l], g.weighted_inputs[l], rtol=1e-12)
        np.testing.assert_allclose(data["expected"]["delta"][l], g.deltas[l], atol=1e-13)
        np.testing.assert_allclose(data["expected"]["a"][l], g.activations[l + 1], rtol=1e-12)
    assert data["expected"]["J"] == pytest.approx(g.loss, rel=1e-13)
    assert embedded(page_html(net, X, Y, input=None))["start"]["kind"] == "bias"


def test_labels_cannot_leave_their_place(monkeypatch):
    net = loopbp.Network([2, 2], seed=0)
    X = np.array([[0.0, 1.0], [1.0, 0.0]])
    evil = ["</script><script>alert(1)</script>", "<!--{{style}}&"]
    net.fit(X, evil, epochs=1, engine="numpy", verbose=False)
    text = page_html(net, X, evil)
    assert embedded(text)["labels"] == evil
    assert "alert(1)</script>" not in text
    assert "<!--" not in text
    assert text.count("</script>") == len(page.SCRIPTS) + 1
    monkeypatch.setattr(page, "_json_for_script", json.dumps)
    assert page_html(net, X, evil).count("</script>") > len(page.SCRIPTS) + 1


def test_source_is_that_of_the_loops():
    lines = page.source_lines(loopbp.loops.weight_gradient)
    written = Path(loopbp.loops.__file__).read_text().splitlines()
    assert lines[1][1].startswith("def weight_gradient(")
    for number, text in lines:
        assert written[number - 1] == text.removesuffix('"""') or written[number - 1] == text
    functions = set(re.findall(r"^def (\w+)", Path(loopbp.loops.__file__).read_text(), re.M))
    assert functions == set(page.FUNCTIONS)
    mirrored = (WEB / "loops.js").read_text()
    assert functions == set(re.findall(r"^function (\w+)", mirrored, re.M))


def test_the_page_is_made_of_every_file_of_its_folder():
    files = [path.name for path in WEB.iterdir() if path.is_file()]
    named = {*page.STYLES, *page.SCRIPTS, "page_template.html"} - {page.CATALOGUE}
    assert sorted(files) == sorted(named)
    text = page_html(*make())
    at = [text.index(page.text_of(name).strip()) for name in (*page.STYLES, *page.SCRIPTS)]
    assert at == sorted(at), "in the order given"


def test_write_page(tmp_path):
    net, X, Y = make()
    path = write_page(net, X, Y, tmp_path / "study.html", layer=2)
    assert path.read_text(encoding="utf-8") == page_html(net, X, Y, layer=2)


def test_float32_is_computed_in_float64():
    net, X, Y = make(dtype="float32")
    text = page_html(net, X, Y)
    assert "float32 parameters, computed in float64" in text
    twin, _, _ = make()
    twin.theta = net.theta
    want = twin.gradient(X.astype("float32"), Y, engine="numpy").theta
    np.testing.assert_allclose(embedded(text)["expected"]["gradient"], want, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layer": 3}, "layer: expected 1 to 2"),
        ({"layer": 0}, "layer: expected 1 to 2"),
        ({"unit": 4}, r"unit: expected 0 to 3 \(layer 1 has 4 units\), got 4"),
        ({"unit": -1}, "unit: expected 0 to 3"),
        ({"input": 3}, r"input: expected 0 to 2 \(layer 0 has 3 units\), got 3"),
        ({"example": 6}, r"example: expected 0 to 5 \(the batch has 6 examples\), got 6"),
        ({"convention": "mean"}, "convention: expected one of loss, cost"),
    ],
)
def test_bad_index(arguments, message):
    with pytest.raises(ValueError, match=message):
        page_html(*make(), **arguments)


def test_bad_network():
    net, X, Y = make()
    net.weights[1][1, 2] = np.nan
    with pytest.raises(
        ValueError, match=r"expected finite parameters, got nan at w\[1, 2\] of layer 2"
    ):
        page_html(net, X, Y)
    net.weights[1][1, 2] = 0
    net.biases[0][3] = np.inf
    with pytest.raises(ValueError, match=r"got inf at b\[3\] of layer 1"):
        page_html(net, X, Y)
    net, X, Y = make(hidden="identity")
    net.theta = np.full_like(net.theta, 1e200)
    with pytest.raises(ValueError, match="finite loss and gradient"):
        page_html(net, X, Y)
    with pytest.raises(ValueError, match="pass fewer examples"):
        page_html(loopbp.Network([1000, 2000, 10], seed=0), np.zeros((3, 1000)), [0, 1, 2])


def test_own_activation_is_refused():
    loopbp.register_activation(
        "page_softsign", lambda z: z / (1 + abs(z)), lambda z: 1 / (1 + abs(z)) ** 2
    )
    net, X, Y = make(hidden="page_softsign")
    with pytest.raises(ValueError, match="'page_softsign' of layer 1 is one of your own"):
        page_html(net, X, Y)


# -- the engine under Node ------------------------------------------------------------------------

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


MUTATIONS = {
    "sigma' of the recurrence": ("= out_delta[t][i] * total;", "= total;"),
    "sigma' of the output": ("out[i] = out[i] * g[i];", "out[i] = g[i];"),
    "1/m of dw": ("out_dw[i][j] = total / m;", "out_dw[i][j] = total;"),
    "1/m of db": ("out_db[i] = total / m;", "out_db[i] = total;"),
    "softmax's cross terms": ("a[i] * (g[i] - dot);", "a[i] * (1 - a[i]) * g[i];"),
    "the transpose": ("total += w_next[n][i] *", "total += w_next[n][0] *"),
    "the mean over outputs": ("return LOSSES[loss].mean ? n : 1;", "return 1;"),
    "the penalty": ("dw[l][i][j] += l2 * value;", ""),
    "the bias": ("let total = b[i];", "let total = 0;"),
}  # fmt: skip


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


# -- the page in a browser ------------------------------------------------------------------------

SHOWN = """
return Array.from(document.querySelectorAll("[data-q]"))
  .map((e) => [e.getAttribute("data-q"), e.textContent]);
"""
CONTROLS = {
    "step-first", "step-back", "step-next", "step-last", "factor", "orientation", "base",
    "input-layer", "digits", "theme", "kind", "index-layer", "index-unit", "index-input",
    "index-example", "value-slider", "value-number", "rate", "train", "undo", "reset", "loop-name",
    "loop-step",
}  # fmt: skip


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    service = shutil.which("chromedriver")
    if not browser or not service:
        pytest.skip("there is no Chromium with its chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in (
        "headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-sync",
        "disable-background-networking", "disable-component-update",
        f"user-data-dir={tmp_path_factory.mktemp('browser')}",
    ):  # fmt: skip
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(options=options, service=webdriver.chrome.service.Service(service))
    yield chrome
    chrome.quit()


class Page:
    """The study page of a network in the browser, and the engine's numbers beside it."""

    def __init__(self, driver, tmp_path, case, text=None, width=1300, **arguments):
        self.driver, self.case = driver, case
        path = tmp_path / "study.html"
        path.write_text(text or page_html(*case, **arguments), encoding="utf-8")
        self.resize(width)
        driver.get_log("browser")
        driver.get(path.as_uri())
        self.at_load = Engine(*case)
        self.moved: Any = None

    def resize(self, width, height=900):
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.settle()

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def settle(self):
        """Wait until what was asked for is drawn."""
        self.driver.execute_async_script(
            "const done = arguments[0];"
            "requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 0)));"
        )

    def find(self, selector):
        return self.driver.find_element("css selector", selector)

    def text(self, identifier):
        return self.run("return document.getElementById(arguments[0]).textContent", identifier)

    def theta(self):
        return np.array(self.run("return Array.from(theta)"))

    def choose(self, identifier, value):
        """Give a field or list a value, as a reader's choice would."""
        self.run(
            "const e = document.getElementById(arguments[0]); e.value = arguments[1];"
            "for (const kind of ['input', 'change'])"
            " e.dispatchEvent(new Event(kind, {bubbles: true}));",
            identifier,
            str(value),
        )
        self.settle()

    def press(self, *keys, target=None):
        (target or self.driver.switch_to.active_element).send_keys(*keys)
        self.settle()

    def click(self, identifier):
        self.find(f"#{identifier}").click()
        self.settle()

    def check(self, least=60):
        """Every number on screen is the engine's at the page's theta; the console is silent."""
        net, X, Y = self.case
        kept = net.theta.copy()
        net.theta = self.theta()
        try:
            shown = self.run(SHOWN)
            engine = Engine(net, X, Y, self.at_load, self.moved)
            assert len(shown) >= least
            assert (
                engine.wrong([pair for pair in ((q, t.strip("▲▼ ")) for q, t in shown) if pair[1]])
                == []
            )
        finally:
            net.theta = kept
        assert self.driver.get_log("browser") == []

    def fits(self):
        """Nothing sticks out of the page to the right."""
        return self.run("return document.documentElement.scrollWidth <= window.innerWidth")


DEEP = {"sizes": (2, 3, 3, 2), "hidden": ["tanh", "relu"], "output": "sigmoid", "loss": "half_mse"}


def test_page_loads(driver, tmp_path):
    page_ = Page(driver, tmp_path, make())
    assert re.fullmatch(
        r"Numbers checked against the engine: max deviation (0|\de−1[5-9])", page_.text("check")
    )
    assert page_.find("#check").get_attribute("class") == "good"
    page_.check()


@pytest.mark.parametrize("missing", ["sigma' of the recurrence", "1/m of dw", "the bias"])
def test_page_tells_of_a_wrong_engine(missing, driver, tmp_path):
    case = make()
    text = page_html(*case)
    page_ = Page(driver, tmp_path, case, text.replace(*MUTATIONS[missing]))
    assert "not those of the engine" in page_.text("check")
    assert page_.find("#check").get_attribute("class") == "bad"
    with pytest.raises(AssertionError):
        page_.check()


def test_console_error_is_noticed(driver, tmp_path):
    case = make()
    page_ = Page(
        driver, tmp_path, case, page_html(*case) + "<script>nothing_of_this_name()</script>"
    )
    with pytest.raises(AssertionError):
        page_.check()


@pytest.mark.parametrize(
    "case", [{}, DEEP, {"output": "sigmoid", "loss": "cross_entropy", "l2": 0.1}]
)
def test_each_step_shows_its_numbers(case, driver, tmp_path):
    page_ = Page(driver, tmp_path, make(**case), layer=2)
    page_.click("step-first")
    L = len(case.get("sizes", (3, 4, 2))) - 1
    titles = []
    for _ in range(4 * L + 2):
        titles.append(page_.text("step-title"))
        page_.check(30)
        marked = page_.run("return document.querySelectorAll('#loop-code .current').length")
        assert marked == 1
        page_.click("step-next")
    assert page_.text("step-title").startswith(
        f"Step {4 * L + 3} of {4 * L + 3}. Both passes are done"
    )
    words = [
        "put in",
        *["weighted inputs", "activations"] * L,
        "The loss",
        *["δ of", "derivatives"] * L,
    ]
    assert [word in title for word, title in zip(words, titles, strict=True)] == [True] * len(words)
    # what a later step computes is not shown before it
    page_.click("step-first")
    drawn = page_.run(
        "return Array.from(document.querySelectorAll('#drawing [data-q]')).map(e => e.dataset.q)"
    )
    assert not any(q.startswith(("z", "delta", "C", "J", "dw", "a[1]")) for q in drawn)
    page_.click("step-last")
    page_.click("step-back")
    assert "derivatives of layer 1" in page_.text("step-title")
    page_.check()


@pytest.mark.parametrize("case", [{}, DEEP])
def test_every_part_can_be_chosen(case, driver, tmp_path):
    page_ = Page(driver, tmp_path, make(**case))
    keys = page_.run("return Array.from(drawing.parts.keys())")
    for key in keys:
        page_.run("document.querySelector(`#drawing [data-go='${arguments[0]}']`).dispatchEvent("
                  "new MouseEvent('click', {bubbles: true}))", key)  # fmt: skip
        page_.settle()
        kind, *place = key.split(",")
        pressed = page_.run(
            "return Array.from(document.querySelectorAll('[aria-pressed=true]'))"
            ".map(e => e.dataset.go)"
        )
        assert pressed == [key]
        title = page_.text("choice-title").lower()
        if kind == "cost":
            assert "example 0" in title
        elif kind == "unit":
            assert (
                f"input {place[1]}" if place[0] == "0" else f"layer {place[0]} unit {place[1]}"
            ) in title
        else:
            assert f"layer {place[0]} unit {place[1]}" in title
        page_.check()
    weights = [key for key in keys if key.startswith("weight,1")]
    page_.run("choose(arguments[0])", weights[-1])
    on_path = set(
        page_.run(
            "return Array.from(document.querySelectorAll('#drawing .path')).map(e => e.dataset.go)"
        )
    )
    _, _, i, j = weights[-1].split(",")
    assert {weights[-1], f"unit,1,{i}", f"unit,0,{j}", "cost", f"weight,2,0,{i}"} <= on_path
    assert f"weight,2,0,{int(i) - 1}" not in on_path
    assert f"unit,1,{int(i) - 1}" not in on_path


def test_pointer_hits_weight_bias_unit_and_example(driver, tmp_path):
    page_ = Page(driver, tmp_path, make())
    pointer = pytest.importorskip("selenium.webdriver").ActionChains
    for key in ("unit,1,3", "bias,2,1", "unit,0,2", "cost", "weight,2,1,3"):
        group = f"#drawing [data-go='{key}']"
        target = page_.find(
            f"text[data-go='{key}']" if key.startswith("weight") else f"{group} .body"
        )
        pointer(driver).move_to_element(target).click().perform()
        page_.settle()
        assert page_.run("return chosen_key()") == key
    page_.find("#example-rows [data-go='example,4']").click()
    page_.settle()
    assert page_.text("choice-title") == "Example 4"
    page_.find("#example-rows [data-go='see,2']").click()
    page_.settle()
    assert page_.run("return chosen.t") == 2
    page_.check()


def test_conventions(driver, tmp_path):
    page_ = Page(driver, tmp_path, make(), layer=1, unit=2, input=1)
    read = (
        "return Array.from(document.querySelectorAll('#derivation [data-q]')).map(e => e.dataset.q)"
    )
    assert not any("/m" in q for q in page_.run(read))
    gradient = page_.find("#follow tr:nth-last-child(2) td:last-child").text
    page_.choose("factor", "cost")
    assert any("delta[1][0][2]/m" in q for q in page_.run(read))
    assert page_.find("#follow tr:nth-last-child(2) td:last-child").text == gradient
    page_.check()
    symbol = "return document.querySelector('#value-symbol msubsup').textContent"
    assert page_.run(symbol) == "ω2,11"
    shape = "return document.querySelector('#matrix figcaption').textContent"
    assert page_.run(shape).endswith("(4, 3)")
    page_.choose("orientation", "ji")
    assert page_.run(symbol) == "ω1,21"
    assert page_.run(shape).endswith("(3, 4)")
    page_.check()
    page_.choose("base", 1)
    assert page_.run(symbol) == "ω2,31"
    assert page_.text("choice-title").endswith("Weight to layer 1 unit 3 from input 2")
    assert [
        page_.find(f"#index-{n}").get_attribute("value") for n in ("unit", "input", "example")
    ] == ["3", "2", "1"]
    page_.choose("input-layer", 1)
    assert page_.run(symbol) == "ω2,32"
    page_.check()
    for digits in (3, 6, 9, 12, 16):
        page_.choose("digits", digits)
        page_.check()
    assert len(page_.find("#follow td").text.strip("−0.")) >= 15


def test_choose_by_index(driver, tmp_path):
    page_ = Page(driver, tmp_path, make())
    page_.choose("index-layer", 2)
    page_.choose("index-input", 3)
    page_.choose("index-unit", 1)
    page_.choose("index-example", 5)
    assert page_.run("return [chosen_key(), chosen.t]") == ["weight,2,1,3", 5]
    page_.choose("index-unit", 2)
    assert page_.text("index-message") == "unit: expected a whole number 0 to 1"
    assert page_.run("return chosen_key()") == "weight,2,1,3"
    page_.choose("index-unit", 0)
    assert page_.text("index-message") == ""
    page_.choose("index-layer", 1)  # has no input 3: it moves into the range
    assert page_.run("return chosen_key()") == "weight,1,0,2"
    page_.choose("kind", "unit")
    page_.choose("index-layer", 0)
    page_.choose("kind", "weight")
    assert page_.run("return chosen.l") == 1
    for kind in ("bias", "unit", "example", "weight"):
        page_.choose("kind", kind)
        assert page_.run("return chosen.kind") == kind
        page_.check()


def test_weight_moves_everything(driver, tmp_path):
    page_ = Page(driver, tmp_path, make(**DEEP), layer=1, unit=2, input=1)
    before = page_.theta()
    page_.choose("value-slider", 0.75)
    after = page_.theta()
    assert after[2 * 2 + 1] == 0.75
    assert np.flatnonzero(after != before).tolist() == [5]
    page_.check()
    assert page_.find("#derivation .block:last-child p:last-child").text == "✓ The two agree." or (
        "agree" in page_.find("#derivation .block:last-child p:last-child").text
    )
    page_.choose("value-number", -1.25)
    assert page_.theta()[5] == -1.25
    page_.check()
    page_.click("undo")
    page_.click("undo")
    np.testing.assert_array_equal(page_.theta(), before)
    page_.check()


def test_training(driver, tmp_path):
    net, X, Y = case = make()
    page_ = Page(driver, tmp_path, case)
    theta, costs = net.theta.copy(), [net.loss(X, Y, engine="numpy")]
    page_.choose("rate", 0.3)
    for _ in range(3):
        step = -0.3 * net.gradient(X, Y, engine="numpy").theta
        net.theta = net.theta + step
        costs.append(net.loss(X, Y, engine="numpy"))
        page_.click("train")
        np.testing.assert_allclose(page_.theta(), net.theta, rtol=0, atol=1e-14)
        page_.moved = step
        page_.check()
    assert f"{costs[3]:.4g}" in page_.text("train-message")
    assert page_.run("return costs") == pytest.approx(costs, rel=1e-13)
    assert page_.run("return document.querySelectorAll('#cost-curve polyline').length") == 1
    page_.click("undo")
    net.theta = net.theta - step
    np.testing.assert_allclose(page_.theta(), net.theta, rtol=0, atol=1e-14)
    page_.click("reset")
    np.testing.assert_array_equal(page_.theta(), theta)
    net.theta = theta
    page_.check()
    page_.choose("rate", -1)
    page_.click("train")
    assert "expected a number above 0" in page_.text("train-message")
    np.testing.assert_array_equal(page_.theta(), theta)


def test_loop_panel(driver, tmp_path):
    page_ = Page(driver, tmp_path, make(**DEEP), layer=2, unit=1, input=2)
    names = page_.run(
        "return Array.from(document.getElementById('loop-name').options).map(o => o.value)"
    )
    assert set(names) == set(page.FUNCTIONS)
    for name in names:
        page_.choose("loop-name", name)
        steps = page_.run("return Number(document.getElementById('loop-step').max) + 1")
        code = page_.text("loop-code")
        assert f"def {name}(" in code
        assert f"def {name}(" in page_.text("numpy")
        for step in range(steps):
            page_.choose("loop-step", step)
            assert page_.text("loop-count") == f"{step + 1} of {steps}"
            assert len(page_.driver.find_elements("css selector", "#loop-code .current")) == 1
            page_.check()
        assert page_.driver.find_elements("css selector", "#matrix .in-row, #matrix .in-column")
    page_.choose("loop-name", "weight_gradient")
    page_.choose("loop-step", 3)
    line = page_.find("#loop-code .current").text
    assert "total += delta[t, i] * a_prev[t, j]" in line
    for button in page_.driver.find_elements("css selector", "#derivation [data-loop]"):
        button.click()
        assert page_.run("return chosen.loop.name") == button.get_attribute("data-loop")


def test_large_network_is_drawn_in_part(driver, tmp_path):
    case = make((40, 20, 12), "relu", m=30)
    page_ = Page(driver, tmp_path, case, layer=1, unit=17, input=33, example=25)
    assert page_.find("#drawn-in-part").is_displayed()
    drawn = page_.text("drawing")
    for left in ("… 34 more", "… 14 more", "… 6 more"):
        assert left in drawn
    assert "unit,1,17" in page_.run("return Array.from(drawing.parts.keys())")
    page_.check()
    page_.click("step-first")
    for _ in range(10):
        page_.click("step-next")
        page_.check()
    page_.choose("kind", "unit")
    page_.choose("index-unit", 19)
    assert page_.run("return chosen_key()") == "unit,1,19"
    assert (
        len(page_.driver.find_elements("css selector", "[data-go='unit,1,19'][aria-pressed=true]"))
        == 1
    )
    page_.check()
    page_.resize(360)
    assert page_.fits()


def test_corner_is_named(driver, tmp_path):
    net, X, Y = make((1, 1, 1), "relu", "identity", "half_mse", m=1)
    net.theta = [1.0, 0.0, 1.0, 0.0]
    X, Y = np.array([[0.0]]), np.array([[1.0]])
    page_ = Page(driver, tmp_path, (net, X, Y), layer=1, unit=0, input=None)
    assert "by convention the slope is the left one" in page_.text("derivation")
    assert "lies a corner of the function" in page_.text("derivation")


# -- keyboard alone -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def keys():
    return pytest.importorskip("selenium.webdriver", reason="selenium is not installed").Keys


ACTIVE = "const e = document.activeElement; return [e.id, e.dataset ? e.dataset.go || '' : ''];"
VISIBLE_FOCUS = """
const e = document.activeElement;
if (e.closest("#drawing svg")) {
  const mark = getComputedStyle(e.querySelector(".halo, .body"));
  return e.matches(":focus-visible") && mark.stroke !== "none" && parseFloat(mark.strokeWidth) >= 3;
}
const style = getComputedStyle(e);
return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
"""


def tab_to(page_, keys, identifier=None, go=None, at_most=150):
    """Press Tab until an element has the focus; each one on the way shows that it has it."""
    for _ in range(at_most):
        active = page_.run(ACTIVE)
        if (identifier and active[0] == identifier) or (go and active[1] == go):
            return
        page_.driver.switch_to.active_element.send_keys(keys.TAB)
        assert page_.run(VISIBLE_FOCUS) or page_.run(ACTIVE) == ["", ""]
    pytest.fail(f"Tab does not lead to {identifier or go}")


def test_tab_reaches_every_control(driver, keys, tmp_path):
    page_ = Page(driver, tmp_path, make())
    reached = set()
    page_.run("document.activeElement.blur()")
    for _ in range(160):
        page_.driver.switch_to.active_element.send_keys(keys.TAB)
        identifier, go = page_.run(ACTIVE)
        reached.add(identifier or go)
        assert page_.run(VISIBLE_FOCUS) or (identifier, go) == ("", "")
    assert reached >= CONTROLS
    assert "weight,1,0,0" in reached


def test_keyboard_alone(driver, keys, tmp_path):
    page_ = Page(driver, tmp_path, make())
    tab_to(page_, keys, go="weight,1,0,0")
    parts = page_.run("return Array.from(drawing.parts.keys())")
    met = {"weight,1,0,0"}
    page_.press(keys.HOME)
    columns = page_.run("return drawing.columns.map(c => c.length)")
    for length in columns:
        page_.press(*[keys.ARROW_UP] * 12)
        for _ in range(length):
            met.add(page_.run(ACTIVE)[1])
            assert page_.run(VISIBLE_FOCUS)
            page_.press(keys.ARROW_DOWN)
        page_.press(keys.ARROW_RIGHT)
    assert met == set(parts)
    page_.press(keys.END)
    page_.press(keys.ENTER)
    assert page_.text("choice-title") == "Example 0"
    for key in (keys.HOME, keys.ARROW_DOWN, keys.ARROW_RIGHT, keys.ARROW_DOWN):
        page_.press(key)
    page_.press(keys.SPACE)
    wanted = page_.run(ACTIVE)[1]
    assert wanted.startswith("weight,1")
    assert page_.run("return chosen_key()") == wanted
    before = page_.theta()
    tab_to(page_, keys, "value-slider")
    page_.press(keys.ARROW_RIGHT, keys.ARROW_RIGHT)
    page_.settle()
    assert page_.run(ACTIVE)[0] == "value-slider"
    assert np.abs(page_.theta() - before).sum() > 0.005
    page_.check()
    tab_to(page_, keys, "train")
    page_.press(keys.ENTER)
    assert page_.text("train-message").startswith("Step 1:")
    assert page_.run(ACTIVE)[0] == "train"
    page_.run("return 0")
    tab_to(page_, keys, "undo")
    page_.press(keys.ENTER)
    page_.press(keys.ENTER)
    page_.press(keys.ENTER)
    np.testing.assert_array_equal(page_.theta(), before)
    assert page_.run(ACTIVE)[0] == "undo"
    page_.check()
    page_.press(keys.HOME)
    tab_to(page_, keys, "step-first")
    page_.press(keys.ENTER)
    assert page_.text("step-title").startswith("Step 1 of")
    assert page_.run(ACTIVE)[0] == "step-first"
    tab_to(page_, keys, "step-next")
    page_.press(keys.SPACE)
    assert page_.text("step-title").startswith("Step 2 of")
    page_.check()
    tab_to(page_, keys, "factor")
    page_.press("in the first")
    assert page_.run("return convention.factor") == "cost"
    tab_to(page_, keys, "theme")
    page_.press("d")
    assert page_.run("return document.documentElement.dataset.theme") == "dark"
    tab_to(page_, keys, "kind")
    page_.press("b")
    assert page_.run("return chosen.kind") == "bias"
    tab_to(page_, keys, "index-unit")
    page_.press(keys.ARROW_UP)
    page_.press(keys.TAB)
    assert page_.run("return chosen.i") != before[0]
    tab_to(page_, keys, "loop-step")
    page_.press(keys.ARROW_RIGHT)
    assert page_.text("loop-count").startswith("2 of")
    tab_to(page_, keys, go="example,3")
    page_.press(keys.ENTER)
    assert page_.run("return [chosen.kind, chosen.t]") == ["example", 3]
    assert page_.run(ACTIVE)[0] == "choice-title"
    page_.check()


def test_keyboard_test_rejects_a_page_without_keys(driver, keys, tmp_path):
    case = make()
    text = page_html(*case).replace('on("drawing", "keydown"', 'on("drawing", "keyxxxx"')
    page_ = Page(driver, tmp_path, case, text)
    tab_to(page_, keys, go="weight,1,0,0")
    page_.press(keys.END)
    assert page_.run(ACTIVE)[1] == "weight,1,0,0"


def test_focus_test_rejects_a_page_that_hides_the_focus(driver, keys, tmp_path):
    case = make()
    text = page_html(*case).replace("</style>", "* { outline: none !important; }</style>")
    page_ = Page(driver, tmp_path, case, text)
    with pytest.raises(AssertionError):
        tab_to(page_, keys, "train")


# -- narrow, light and dark -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "case", [{}, DEEP, {"sizes": (5, 9, 4)}, {"sizes": (3, 2)}, {"loss": "huber"}]
)
def test_phone(case, driver, tmp_path):
    page_ = Page(driver, tmp_path, make(**case), width=360)
    assert page_.fits()
    page_.choose("digits", 16)
    assert page_.fits()
    for kind in ("bias", "unit", "example", "weight"):
        page_.choose("kind", kind)
        for factor in ("loss", "cost"):
            page_.choose("factor", factor)
            assert page_.fits()
    page_.click("step-first")
    for _ in range(8):
        page_.click("step-next")
        assert page_.fits()
    smallest = page_.run(
        "return Math.min(...Array.from(document.querySelectorAll('#drawing text'))"
        ".map(e => parseFloat(getComputedStyle(e).fontSize)))"
    )
    assert smallest >= 11
    targets = page_.run(
        "return Array.from(document.querySelectorAll('button, select, input'))"
        ".filter(e => e.offsetParent).map(e => e.getBoundingClientRect().height)"
    )
    assert min(targets) >= 16  # a slider's box is its thumb; all others are larger
    page_.check()
    page_.run("document.querySelector('main').style.minWidth = '400px'")
    assert not page_.fits()


COLOURS = """
const probe = document.createElement("span");
document.body.append(probe);
const read = (name) => {
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color.match(/[\\d.]+/g).slice(0, 3).map(Number);
};
const found = Object.fromEntries(["card", "paper", "ink", "soft", "blue", "orange", "tint-blue",
  "tint-orange"].map((name) => [name, read(name)]));
probe.remove();
return found;
"""


def luminance(colour):
    parts = [c / 255 for c in colour]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_of_pale_grey_is_too_low():
    assert contrast([0, 0, 0], [255, 255, 255]) == pytest.approx(21)
    assert contrast([150, 150, 150], [255, 255, 255]) < 4.5


@pytest.mark.parametrize("system", ["light", "dark"])
def test_themes(system, driver, tmp_path):
    media = [{"name": "prefers-color-scheme", "value": system}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
    page_ = Page(driver, tmp_path, make())
    for theme in ("auto", "light", "dark"):
        page_.choose("theme", theme)
        colours = page_.run(COLOURS)
        dark = (system if theme == "auto" else theme) == "dark"
        assert (luminance(colours["card"]) < 0.2) == dark
        for ink in ("ink", "soft", "blue", "orange"):
            assert contrast(colours[ink], colours["card"]) >= 4.5
            assert contrast(colours[ink], colours["paper"]) >= 4.5
        assert contrast(colours["ink"], colours["tint-blue"]) >= 4.5
        assert contrast(colours["ink"], colours["tint-orange"]) >= 4.5
        # the two signs differ in more than colour
        dashes = page_.run(
            "return Array.from(document.querySelectorAll('.weight')).map(e => "
            "[e.classList.contains('negative'),"
            " getComputedStyle(e.querySelector('.body')).strokeDasharray])"
        )
        assert {(negative, dash != "none") for negative, dash in dashes} == {
            (True, True),
            (False, False),
        }
        page_.check()
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@pytest.mark.parametrize("case", [{}, DEEP])
def test_what_the_page_writes_is_valid_html(case, driver, tmp_path):
    html5lib = pytest.importorskip("html5lib", reason="html5lib is not installed")
    page_ = Page(driver, tmp_path, make(**case))
    for kind in ("weight", "bias", "unit", "example"):
        page_.choose("kind", kind)
        text = page_.run("return '<!DOCTYPE html>' + document.documentElement.outerHTML")
        html5lib.HTMLParser(strict=True).parse(text)


def test_reduced_motion(driver, tmp_path):
    duration = "return getComputedStyle(document.querySelector('.weight .body')).transitionDuration"
    page_ = Page(driver, tmp_path, make())
    assert page_.run(duration) != "0s"
    media = [{"name": "prefers-reduced-motion", "value": "reduce"}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
    assert page_.run(duration) == "0s"
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_everything_has_a_name(driver, tmp_path):
    page_ = Page(driver, tmp_path, make())
    unnamed = page_.run(
        "return Array.from(document.querySelectorAll("
        "'button, select, input, [role=button], [role=region]'))"
        ".filter(e => !(e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') ||"
        " e.textContent.trim() || e.labels?.length)).map(e => e.outerHTML)"
    )
    assert unnamed == []
    ids = page_.run("return Array.from(document.querySelectorAll('[id]')).map(e => e.id)")
    assert len(ids) == len(set(ids))
    label = page_.find("#drawing [data-go='weight,1,2,0']").get_attribute("aria-label")
    assert label.startswith("weight to layer 1 unit 2 from input 0 ")
    assert ", derivative " in label
