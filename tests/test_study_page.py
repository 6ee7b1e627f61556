"""The study page as text: what is in it, and what is refused."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from cases.pages import WEB, Engine, embedded, make

import loopbp
from loopbp.study import page
from loopbp.study.page import page_html, write_page


def test_engine_check_rejects_a_wrong_digit():
    net, X, Y = make()
    engine = Engine(net, X, Y)
    right = f"{net.gradient(X, Y, engine='numpy').weights[0][1, 2]:.4g}".replace("-", "−")
    off = right[:-1] + str((int(right[-1]) + 1) % 10)
    assert engine.wrong([("dw[1][1][2]", right)]) == []
    assert engine.wrong([("dw[1][1][2]", off)]) != []
    assert engine.wrong([("dw[1][1][1]", right)]) != []


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
