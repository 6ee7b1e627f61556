"""What people write who come from other libraries, or mistype: one line says what to write."""

import copy
import inspect
import pickle
import pydoc
import re
import sys
import traceback

import numpy as np
import pytest
from cases import helpers

import loopbp
from loopbp import catalogue, datasets
from loopbp.cli import main
from loopbp.messages import calls, suggestions
from loopbp.optimizers import OPTIMIZERS
from loopbp.schedules import Schedule

X, Y = helpers.blobs(12)
NAMES = np.array(["cat", "dog", "owl"])[Y]


def one_line(text, fragments):
    assert "\n" not in text.strip()
    assert len(text) < 300
    for fragment in fragments:
        assert fragment in text, text


# What is written; what the one line names: the argument, what came, the remedy.
PYTHON = [
    # fit
    ("net.fit(X, Y, lr=0.1)", ("fit", "'lr'", "optimizer=loopbp.Adam(learning_rate=...)")),
    ("net.fit(X, Y, learning_rate=0.1)", ("'learning_rate'", "loopbp.Adam(learning_rate=...)")),
    ("net.fit(X, Y, momentum=0.9)", ("'momentum'", "loopbp.SGD(learning_rate, momentum=...)")),
    ("net.fit(X, Y, n_epochs=3)", ("'n_epochs'", "did you mean 'epochs'?")),
    ("net.fit(X, Y, num_epochs=3)", ("'num_epochs'", "did you mean 'epochs'?")),
    ("net.fit(X, Y, max_iter=3)", ("'max_iter'", "did you mean 'epochs'?")),
    ("net.fit(X, Y, epoch=3)", ("'epoch'", "did you mean 'epochs'?")),
    ("net.fit(X, Y, 10)", ("takes X, y in this order, got 3 values", "epochs=...")),
    ("net.fit(X)", ("fit needs y", "fit(X, y, ...)")),
    ("net.fit(X, Y, X=X)", ("'X' twice",)),
    ("net.fit(X, Y, batchsize=4)", ("'batchsize'", "did you mean 'batch_size'?")),
    ("net.fit(X, Y, validation_split=0.2)", ("'validation_split'", "did you mean 'validation'?")),
    ("net.fit(X, Y, validation_data=(X, Y))", ("'validation_data'", "mean 'validation'?")),
    ("net.fit(X, Y, dropout=0.5)", ("'dropout'", "pass dropout=... to loopbp.Network")),
    ("net.fit(X, Y, weight_decay=0.1)", ("'weight_decay'", "loopbp.AdamW(weight_decay=...)")),
    ("net.fit(X, Y, patience=3)", ("'patience'", "did you mean 'early_stopping'?")),
    ("net.fit(X, Y, metrics=['acc'])", ("'metrics'", "score_training=True")),
    ("net.fit(X, Y, device='cuda')", ("'device'", "runs on the processor")),
    ("net.fit(X, Y, optimizer='Adamw ')", ("optimizer", "'Adamw '", "did you mean 'adamw'?")),
    ("net.fit(X, Y, optimizer='momentum')", ("optimizer", "did you mean 'sgd'?")),
    ("net.fit(X, Y, engine='numba')", ("engine", "'numba'", "did you mean 'loops'?")),
    ("net.fit(X, Y, callbacks=[loopbp.EarlyStopping(3)])",
     ("callbacks", "EarlyStopping(patience=3", "early_stopping=...")),
    ("net.fit(X, Y, callbacks=loopbp.EarlyStopping(3))", ("callbacks", "early_stopping=...")),
    ("net.fit(X, Y, shuffle='no')", ("shuffle", "True or False", "got 'no'")),
    ("net.fit(X, Y, verbose='auto')", ("verbose", "True or False", "got 'auto'")),
    ("net.fit(X, Y, score_training='accuracy')", ("score_training", "got 'accuracy'")),
    ("net.fit(X, Y + 1)", ("y: ", "got 3", "pass y - 1")),
    ("net.fit(X, np.where(Y, 10, 30) + Y)", ("y: ", "class numbers 0 to 2", "y.astype(str)")),
    ("net.fit(X, np.column_stack([NAMES, NAMES]))", ("y: ", "(12, 2)", "y[:, 0]")),
    ("two.fit(X, np.where(Y, 1, -1))", ("y: ", "got -1", "(y > 0).astype(int)")),
    ("net.fit(X[0], Y)", ("X: ", "(2,)", "X.reshape(1, -1)")),
    ("net.fit(X, Y, validation=0.01)", ("validation: ", "0.01 of 12", "at least 0.083")),
    # Network
    ("loopbp.Network([2, 3], activation='relu')", ("'activation'", "did you mean 'hidden'?")),
    ("loopbp.Network([2, 3], random_state=0)", ("'random_state'", "did you mean 'seed'?")),
    ("loopbp.Network([2, 3], alpha=1e-4)", ("'alpha'", "l2=alpha / batch_size")),
    ("loopbp.Network([2, 3], lr=0.1)", ("'lr'", "loopbp.Adam(learning_rate=...) to fit")),
    ("loopbp.Network([2, 3], epochs=3)", ("'epochs'", "pass epochs=... to fit")),
    ("loopbp.Network(hidden_layer_sizes=(5,))", ("'hidden_layer_sizes'", "sizes=[inputs, *hid")),
    ("loopbp.Network()", ("loopbp.Network needs sizes",)),
    ("loopbp.Network(2, 3, 1)", ("sizes: ", "a list such as [64, 32, 10]", "got 2")),
    ("loopbp.Network([2, 3], loss='mse')", ("loss", "'mse'", "did you mean 'half_mse'?")),
    ("loopbp.Network([2, 3], loss='mean_squared_error')", ("did you mean 'half_mse'?",)),
    ("loopbp.Network([2, 3], loss='l1')", ("'l1'", "did you mean 'mae'?")),
    ("loopbp.Network([2, 3], loss='nll')", ("'nll'", "did you mean 'cross_entropy'?")),
    ("loopbp.Network([2, 3], loss='sparse_categorical_crossentropy')", ("'cross_entropy'?",)),
    ("loopbp.Network([2, 3], loss='binary_crossentropy')", ("'binary_cross_entropy'?",)),
    ("loopbp.Network([2, 4, 3], 'LeakyReLU')", ("'LeakyReLU'", "did you mean 'leaky_relu'?")),
    ("loopbp.Network([2, 4, 3], 'swish')", ("'swish'", "did you mean 'silu'?")),
    ("loopbp.Network([2, 4, 3], 'ReLU')", ("'ReLU'", "did you mean 'relu'?")),
    ("loopbp.Network([2, 3], output='linear')", ("'linear'", "did you mean 'identity'?")),
    ("loopbp.Network([2, 3], initializer='xavier')", ("'xavier'", "'glorot_uniform'?")),
    # optimizers, schedules and early stopping
    ("loopbp.Adam(lr=0.1)", ("loopbp.Adam", "'lr'", "did you mean 'learning_rate'?")),
    ("loopbp.Adam(eta=0.1)", ("'eta'", "did you mean 'learning_rate'?")),
    ("loopbp.Adam(betas=(0.9, 0.99))", ("'betas'", "beta1=0.9, beta2=0.999")),
    ("loopbp.Adam(eps=1e-7)", ("'eps'", "did you mean 'epsilon'?")),
    ("loopbp.Adam(weight_decay=0.1)", ("'weight_decay'", "loopbp.AdamW(weight_decay=...)")),
    ("loopbp.SGD(0.1, momentun=0.9)", ("'momentun'", "did you mean 'momentum'?")),
    ("loopbp.SGD(0.1, 0.9, True, 1.0)", ("learning_rate, momentum, nesterov", "clip_norm=...")),
    ("loopbp.RMSprop(alpha=0.9)", ("'alpha'", "did you mean 'learning_rate'?")),
    ("loopbp.EarlyStopping(n_iter_no_change=3)", ("'n_iter_no_change'", "mean 'patience'?")),
    ("loopbp.EarlyStopping(tol=0.1)", ("'tol'", "did you mean 'min_delta'?")),
    ("loopbp.schedules.Step(0.1, gamma=0.5)", ("schedules.Step", "'gamma'", "mean 'factor'?")),
    ("loopbp.schedules.Cosine(0.1, epoch=5)", ("'epoch'", "did you mean 'epochs'?")),
    # attributes and names
    ("loopbp.Netwrok([2, 3])", ("'loopbp'", "'Netwrok'", "did you mean 'Network'?")),
    ("loopbp.Sequential()", ("'Sequential'", "did you mean 'Network'?")),
    ("loopbp.adam()", ("'adam'", "did you mean 'Adam'?")),
    ("loopbp.load_model('m.npz')", ("'load_model'", "did you mean 'load'?")),
    ("loopbp.cross_val_score", ("'cross_val_score'", "did you mean 'cross_validate'?")),
    ("loopbp.Dense(3)", ("'Dense'", "loopbp.Network([64, 32, 10])")),
    ("net.weight", ("Network", "'weight'", "did you mean 'weights'?")),
    ("net.coefs_", ("'coefs_'", "did you mean 'weights'?")),
    ("net.predct(X)", ("'predct'", "did you mean 'predict'?")),
    ("net.predict_classes(X)", ("'predict_classes'", "did you mean 'predict'?")),
    ("net.evaluate(X, Y)", ("'evaluate'", "did you mean 'score'?")),
    ("net.backward()", ("'backward'", "did you mean 'gradient'?")),
    ("net.compile(loss='mse')", ("'compile'", "nothing to compile", "fit")),
    ("net.summary()", ("'summary'", "print(net)")),
    ("net.history.val_loss", ("History", "'val_loss'", "did you mean 'validation_loss'?")),
    ("net.history.history['loss']", ("'history'", "history.loss")),
    ("net.gradient(X, Y).weight", ("Gradient", "'weight'", "did you mean 'weights'?")),
    # other functions
    ("net.predict(X, verbose=0)", ("predict", "'verbose'", "pass verbose=... to fit")),
    ("net.predict(X, Y)", ("predict takes X in this order, got 2 values",)),
    ("net.score(X, Y, sample_weights=Y)", ("'sample_weights'", "sample_weight=... to fit")),
    ("loopbp.cross_validate(net, X, Y, cv=3)", ("'cv'", "did you mean 'folds'?")),
    ("loopbp.cross_validate(net, X, Y, lr=3)", ("'lr'", "loopbp.Adam(learning_rate=...)")),
    ("loopbp.cross_validate(loopbp.Network, X, Y)", ("make: ", "a function of (X_train, y_tr")),
    ("loopbp.cross_validate(net, X, Y, folds=13)", ("folds: ", "at most 12", "got 13")),
    ("loopbp.check_gradient(net, X, Y, tol=1e-3)", ("'tol'", "did you mean 'tolerance'?")),
    ("loopbp.explain(net, X, Y, layer=1, units=0)", ("'units'", "did you mean 'unit'?")),
    ("loopbp.datasets.load('digts')", ("'digts'", "did you mean 'digits'?")),
    ("loopbp.datasets.train_test_split(X, Y, test_size=0.2)", ("'test_size'", "mean 'test'?")),
    ("loopbp.datasets.train_test_split(X, Y, random_state=1)", ("'random_state'", "'seed'?")),
]  # fmt: skip


@pytest.mark.parametrize(("code", "fragments"), PYTHON, ids=[code for code, _ in PYTHON])
def test_python(code, fragments):
    names = {
        "loopbp": loopbp, "np": np, "X": X, "Y": Y, "NAMES": NAMES, "net": helpers.classifier(),
        "two": loopbp.Network([2, 3, 1], seed=0),
    }  # fmt: skip
    with pytest.raises((TypeError, ValueError, AttributeError)) as caught:
        eval(code, names)
    one_line(str(caught.value), fragments)
    assert caught.value.__cause__ is None
    assert "During handling" not in "".join(traceback.format_exception(caught.value))


COMMANDS = [
    ("fit digits", ("'fit'", "did you mean 'train'?")),
    ("benchmark", ("'benchmark'", "did you mean 'bench'?")),
    ("train --lr 0.1", ("'--lr'", "did you mean --learning-rate?")),
    ("train --learning_rate 0.1", ("did you mean --learning-rate?",)),
    ("train --n-epochs 3", ("did you mean --epochs?",)),
    ("train --max-iter 3", ("did you mean --epochs?",)),
    ("train --batch 3", ("did you mean --batch-size?",)),
    ("train --layers 3", ("did you mean --hidden?",)),
    ("train --test-size 0.2", ("did you mean --test?",)),
    ("train --val-split 0.2", ("did you mean --validation?",)),
    ("train --folds 5", ("did you mean --cv?",)),
    ("train --normalize", ("did you mean --scale?",)),
    ("train --random-state 3", ("did you mean --seed?",)),
    ("train --loss mse", ("--loss", "'mse'", "did you mean 'half_mse'?")),
    ("train --loss l1", ("did you mean 'mae'?",)),
    ("train --loss sparse_categorical_crossentropy", ("did you mean 'cross_entropy'?",)),
    ("train --activation LeakyReLU", ("did you mean 'leaky_relu'?",)),
    ("train --activation ReLU", ("did you mean 'relu'?",)),
    ("train --optimizer Adam", ("did you mean 'adam'?",)),
    ("train --output linear", ("did you mean 'identity'?",)),
    ("train --initializer kaiming", ("did you mean 'he_normal'?",)),
    ("train --schedule step_lr", ("did you mean 'step'?",)),
    ("train --cv 1", ("--cv", "at least 2", "got '1'")),
    ("train xor --cv 5", ("--cv", "at most 4", "got 5")),
    ("train --cv 3 --save n.npz", ("--save", "does not go with --cv")),
    ("train --hidden relu", ("--hidden", "got 'relu'", "--activation")),
    ("train --validation 0.0001", ("--validation", "give at least")),
    ("train digts", ("'digts'", "did you mean 'digits'?")),
]


@pytest.mark.parametrize(("line", "fragments"), COMMANDS, ids=[line for line, _ in COMMANDS])
def test_command_line(line, fragments, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main([*line.split(), *(["--quiet"] if line.startswith("train") else [])]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    one_line(captured.err, fragments)


@pytest.mark.parametrize("loss", [word for words in (
    suggestions.SAME[name].split() for name in loopbp.losses.NAMES) for word in words])  # fmt: skip
def test_command_line_and_python_suggest_the_same_loss(loss, capsys):
    with pytest.raises(ValueError, match="did you mean") as caught:
        loopbp.Network([2, 3], loss=loss)
    assert main(["train", "--loss", loss]) == 2
    suggested = re.findall(r"did you mean '(\w+)'", f"{caught.value} {capsys.readouterr().err}")
    assert len(suggested) == 2
    assert suggested[0] == suggested[1]


def test_every_name_of_the_table_is_one_that_exists():
    known = {
        *loopbp.losses.NAMES, *loopbp.activations.NAMES, *catalogue.INITIALIZERS,
        *OPTIMIZERS, *catalogue.ENGINES, *catalogue.SCHEDULES, *loopbp.__all__,
        *(name for kind in PUBLIC for name in inspect.signature(kind).parameters),
        *dir(loopbp.Network), *dir(loopbp.History), *vars(loopbp.History()), "scores", "classes",
        *loopbp.cli.parser.COMMANDS, *OPTIONS,
    }  # fmt: skip
    assert set(suggestions.SAME) - known == set()
    assert set(suggestions.PLACES) - known == set()


OPTIONS = {
    option.removeprefix("--")
    for option in re.findall(r"--[\w-]+", inspect.getsource(sys.modules["loopbp.cli.parser"])
                             + inspect.getsource(sys.modules["loopbp.cli.options"]))
}  # fmt: skip
_NETWORK = [
    value for name, value in inspect.getmembers(loopbp.Network, inspect.isfunction)
    if not name.startswith("_")
]  # fmt: skip
PUBLIC = [
    loopbp.Network, *_NETWORK, *OPTIMIZERS.values(), loopbp.EarlyStopping,
    *Schedule.__subclasses__(), loopbp.cross_validate, loopbp.check_gradient,
    loopbp.check_gradient_function, loopbp.explain, loopbp.derive, loopbp.forward_mode_gradient,
    loopbp.load, loopbp.register_activation, loopbp.validate_compiled, loopbp.ReversedNetwork,
    datasets.load, datasets.train_test_split, datasets.split_indices,
    loopbp.Preprocessing, loopbp.Preprocessing.fitted,
]  # fmt: skip


@pytest.mark.parametrize("thing", PUBLIC, ids=lambda thing: thing.__qualname__)
def test_help_begins_with_lines_that_can_be_read(thing):
    first = pydoc.plain(pydoc.render_doc(thing)).splitlines()[:15]
    assert max(map(len, first)) < 700
    for words in ("_NestedSequence", "_SupportsArray", "Union[", "numpy._typing"):
        assert words not in "\n".join(first)


NAMED = [thing for thing in PUBLIC if thing is not loopbp.cross_validate]  # whose rest is fit's


@pytest.mark.parametrize("thing", NAMED, ids=lambda thing: thing.__qualname__)
def test_a_misspelt_argument_is_answered_everywhere_in_one_line(thing):
    with pytest.raises(TypeError, match="has no argument 'no_such_word'") as caught:
        thing(no_such_word=1)
    one_line(str(caught.value), ())


def test_signature_and_documentation_stay():
    fit = loopbp.Network.fit
    assert list(inspect.signature(fit).parameters)[:3] == ["self", "X", "y"]
    assert fit.__name__ == "fit"
    assert inspect.signature(loopbp.SGD).parameters["momentum"].default == 0.0


def test_an_error_inside_the_function_is_its_own():
    @calls.suggests
    def outer(width):
        return inner(hieght=width)  # type: ignore[call-arg]

    def inner(height):
        return height

    with pytest.raises(TypeError, match=r"inner\(\) got an unexpected keyword"):
        outer(1)


def test_suggested_attributes_do_not_hide_what_copy_and_pickle_ask_for():
    for made in (loopbp.Adam(0.1), loopbp.EarlyStopping(3), loopbp.History([1.0])):
        assert copy.deepcopy(made) == pickle.loads(pickle.dumps(made)) == made
    net = copy.deepcopy(helpers.classifier())
    assert (net.theta == helpers.classifier().theta).all()
    assert not hasattr(net, "__array__")
    assert not hasattr(loopbp, "__path_hooks__")


def test_optimizers_take_their_settings_in_the_order_in_which_they_are_written_about():
    """``SGD(0.1, 0.9)`` set clip_norm, and no momentum, without a word."""
    assert loopbp.SGD(0.1, 0.9, True) == loopbp.SGD(0.1, momentum=0.9, nesterov=True)
    assert loopbp.Adam(0.1, 0.8, 0.99, 1e-7) == loopbp.Adam(
        0.1, beta1=0.8, beta2=0.99, epsilon=1e-7
    )
    assert loopbp.RMSprop(0.1, 0.8).rho == 0.8
    assert loopbp.SGD(0.1, clip_norm=0.9).clip_norm == 0.9


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("l2", "loopbp.Network(..., l2=...)"),
        ("dropout", "loopbp.Network(..., dropout=...)"),
        ("wieghts", "did you mean 'weights'?"),
        ("learning_rate", "loopbp.Adam(learning_rate=...) to fit"),
        ("lr", "loopbp.Adam(learning_rate=...) to fit"),
        ("batch_size", "pass batch_size=... to fit"),
    ],
)
def test_setting_what_would_change_nothing(name, remedy):
    net = helpers.classifier()
    with pytest.raises(AttributeError, match=r"is fixed|has no attribute") as caught:
        setattr(net, name, 0.5)
    one_line(str(caught.value), (name, remedy))


@pytest.mark.parametrize(("verbose", "draws"), [(0, False), (1, True), (2, True), (False, False)])
def test_verbose_as_other_libraries_have_it(verbose, draws, capsys):
    """``verbose=0`` drew a bar, for 0 is not False."""
    helpers.classifier().fit(X, Y, epochs=1, engine="numpy", verbose=verbose)
    assert ("epoch" in capsys.readouterr().err) == draws


def test_own_attributes_and_those_that_count_can_be_set():
    net = helpers.classifier()
    net.theta = np.zeros_like(net.theta)
    net.metadata = {"made": "today"}
    net.remarks = "mine"  # type: ignore[attr-defined]
    assert copy.deepcopy(net).remarks == "mine"  # type: ignore[attr-defined]


@pytest.mark.parametrize("labels", [Y, NAMES], ids=["numbers", "words"])
def test_a_column_of_labels_is_taken_as_labels(labels):
    """Keras' data sets and data frames give y of shape (m, 1)."""
    plain, column = helpers.classifier(), helpers.classifier()
    plain.fit(X, labels, epochs=1, engine="numpy")
    column.fit(X, labels[:, None], epochs=1, engine="numpy")
    assert (plain.theta == column.theta).all()
    assert column.score(X, labels[:, None]) == plain.score(X, labels)


def test_a_column_for_several_values_is_refused():
    net = loopbp.Network([2, 3], loss="half_mse", seed=0)
    with pytest.raises(ValueError, match="y: expected 3 columns, got 1: the network has 3 outp"):
        net.fit(X, X[:, :1])
