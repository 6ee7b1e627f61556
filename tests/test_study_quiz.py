"""Exercises: right answers are right, and a wrong one is named where it entered."""

import json

import numpy as np
import pytest

from loopbp.gradcheck import CAUSES
from loopbp.study import exercises
from loopbp.study.mistakes import OWN, mistakes
from loopbp.study.quiz import DIGITS, LEVELS
from loopbp.study.steps import solve

SEEDS = range(6)
LEVEL = range(1, len(LEVELS) + 1)


def one(level, seed=0):
    return exercises(seed, [level])[0]


def rounded(values, digits=DIGITS):
    return [float(f"{value:.{digits}g}") for value in values]


@pytest.mark.parametrize("level", LEVEL)
@pytest.mark.parametrize("seed", SEEDS)
def test_solution_is_the_engines_and_passes_at_the_digits_asked(level, seed):
    exercise = one(level, seed)
    problem = exercise.problem
    g = problem.net.gradient(problem.X, problem.Y, engine="numpy")
    arrays = {"z": g.weighted_inputs, "a": g.activations[1:], "delta": g.deltas,
              "dw": g.weights, "db": g.biases}  # fmt: skip
    for key, value in zip(exercise.blanks, exercise.solution, strict=True):
        kind, l, *index = str(key[0]), *(int(k) for k in key[1:])
        if kind in arrays:
            assert value == pytest.approx(arrays[kind][l - 1][tuple(index)], rel=1e-12)
    assert all(mark.ok for mark in exercise.check(exercise.solution))
    assert all(mark.ok for mark in exercise.check(rounded(exercise.solution)))
    assert not any(mark.ok for mark in exercise.check([1.05 * v for v in exercise.solution][:1]))


def test_blanks_grow_from_one_number_to_a_whole_pass():
    found = exercises(0)
    assert len(found[0].blanks) == 1
    assert {key[0] for key in found[-1].blanks} == {"z", "a", "delta", "dw", "db"}
    assert len(found[-1].blanks) == 6 * 4 + 12
    counts = [len(exercise.blanks) for exercise in found[3:]]
    assert counts == sorted(counts)


def test_deterministic_by_seed():
    texts = [[e.text() for e in exercises(seed)] for seed in (3, 3, 4)]
    assert texts[0] == texts[1]
    assert all(a != b for a, b in zip(texts[0], texts[2], strict=True))


@pytest.mark.parametrize("level", LEVEL)
def test_everything_needed_is_told(level):
    """The blanks follow from the numbers of the page, rounded as they stand there."""
    exercise = one(level)
    facts = exercise.as_dict()
    assert json.loads(json.dumps(facts)) == json.loads(json.dumps(facts))
    problem = exercise.problem
    given = {}
    for name, values in facts["given"].items():
        kind, l = name[:-1], int(name[-1])
        for t, row in enumerate(values):
            given |= {(kind, l, t, i): value for i, value in enumerate(row)}
    state = solve(problem, given)
    assert all(mark.ok for mark in exercise.check([state[key] for key in exercise.blanks]))
    text = exercise.text()
    for label in exercise.labels:
        assert label.split(" of example")[0] in " ".join(text.split())


# -- mistakes -------------------------------------------------------------------------------------


@pytest.mark.once
@pytest.mark.parametrize("level", LEVEL)
@pytest.mark.parametrize("seed", SEEDS)
def test_every_known_mistake_is_named(level, seed):
    """Each known wrong number, answered in place of the right one, is named for what it is."""
    exercise = one(level, seed)
    state = solve(exercise.problem)
    tried = 0
    for k, key in enumerate(exercise.blanks):
        for mistake in mistakes(exercise.problem, state, key):
            answers = [*exercise.solution[:k], mistake.value]
            apart = abs(mistake.value - state[key])
            if apart < 0.02 * max(abs(mistake.value), abs(state[key])):
                continue
            tried += 1
            mark = exercise.check(answers)[k]
            assert not mark.ok
            assert mistake.name in mark.causes, (mistake, mark)
    assert tried


def test_names_are_those_of_the_checker():
    for level in LEVEL:
        exercise = one(level)
        state = solve(exercise.problem)
        for key in exercise.blanks:
            for mistake in mistakes(exercise.problem, state, key):
                assert mistake.name in CAUSES or mistake.name in OWN


def test_forgotten_mean_is_named():
    exercise = one(3)
    marks = exercise.check([3 * v for v in exercise.solution])
    assert [mark.causes for mark in marks] == [("m",), ("m",)]
    assert "the sum over the batch is not divided by m" in marks[0].text
    assert "seed 001 (BP1)" in marks[0].text


def test_forgotten_slope_is_named():
    exercise = one(5)
    answers = list(exercise.solution)
    answers[3] = answers[2]  # dC/da for delta
    mark = exercise.check(answers)[3]
    assert mark.causes == ("sigma_prime",)
    assert "(BP4)" in mark.text


def test_transposed_weights_are_named():
    exercise = one(4)
    w, delta = exercise.problem.net.weights[1], np.array(exercise.solution[:2])
    mark = exercise.check([*delta, float(w[0] @ delta)])[2]
    assert mark.causes == ("transposed",)


def test_sign_is_named():
    exercise = one(2)
    mark = exercise.check([-exercise.solution[0]])[0]
    assert "sign" in mark.causes
    assert "not y - a" in mark.text


def test_mistake_is_named_where_it_entered_and_not_carried_on():
    """One wrong number at the start of a whole pass, and everything after it done right with it."""
    exercise = one(7)
    problem = exercise.problem
    key = ("delta", 2, 0, 0)
    wrong = -solve(problem)[key]
    state = solve(problem, {key: wrong})
    marks = exercise.check([state[k] for k in exercise.blanks])
    bad = [k for k, mark in zip(exercise.blanks, marks, strict=True) if not mark.ok]
    assert bad == [key]
    carried = [mark.text for mark in marks if "given the answers before it" in mark.text]
    assert len(carried) >= 3


def test_second_mistake_with_the_right_numbers_before_it_is_named_too():
    exercise = one(6)
    answers = list(exercise.solution)
    answers[2] = 0.9
    answers[4] *= 2
    marks = exercise.check(answers)
    assert not marks[2].ok
    assert marks[2].causes == ()
    assert "No known mistake" in marks[2].text
    assert {"m", "two"} <= set(marks[4].causes)  # m is 2: nobody can tell


def test_left_out_answers():
    exercise = one(4)
    marks = exercise.check([None])
    assert len(marks) == 3
    assert not any(mark.ok for mark in marks)
    assert all("left out" in mark.text for mark in marks)


@pytest.mark.parametrize(
    ("answers", "error", "message"),
    [
        ([1.0, 2.0], ValueError, "answers: expected 1 for exercise 1, got 2"),
        (["x"], TypeError, "answers: expected numbers, got 'x'"),
        ([True], TypeError, "answers: expected numbers, got True"),
        ([float("nan")], ValueError, "answers: expected finite numbers, got nan"),
    ],
)
def test_answers_that_are_none(answers, error, message):
    with pytest.raises(error, match=message):
        one(1).check(answers)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((0, [8]), "level: expected 1 to 7, got 8"), ((0, [0]), "level: expected a whole number"),
     ((-1,), "seed: expected a whole number of at least 0")],
)  # fmt: skip
def test_no_such_exercise(arguments, message):
    with pytest.raises(ValueError, match=message):
        exercises(*arguments)
