"""The study page in a browser: what it shows, and what a reader may do."""

import re

import numpy as np
import pytest
from cases.browser import Page
from cases.pages import DEEP, MUTATIONS, make

from loopbp.study import page
from loopbp.study.page import page_html


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
