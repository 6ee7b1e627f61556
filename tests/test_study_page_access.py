"""The study page for everybody: the keyboard alone, a phone, light and dark, names."""

import numpy as np
import pytest
from cases.browser import Page
from cases.pages import DEEP, make

from loopbp.study.page import page_html

CONTROLS = {
    "step-first", "step-back", "step-next", "step-last", "factor", "orientation", "base",
    "input-layer", "digits", "theme", "kind", "index-layer", "index-unit", "index-input",
    "index-example", "value-slider", "value-number", "rate", "train", "undo", "reset", "loop-name",
    "loop-step",
}  # fmt: skip


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
