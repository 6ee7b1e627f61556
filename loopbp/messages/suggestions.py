"""What may have been meant by a name that is not there: one table, one way of suggesting.

People bring the names of other libraries with them.  `SAME` says what those are called here,
`WAYS` how to have what has no name here; `loopbp.messages.calls` and `loopbp.validate` put them
into the messages of the library, `loopbp.cli` into those of the command line.
"""

import difflib
import re
from collections.abc import Iterable

from loopbp.catalogue import ACTIVATIONS, ENGINES, INITIALIZERS, LOSSES, OPTIMIZERS, SCHEDULES

_NAMED = [
    *LOSSES.values(), *ACTIVATIONS.values(), *INITIALIZERS.values(), *OPTIMIZERS.values(),
    *ENGINES.values(), *SCHEDULES.values(),
]  # fmt: skip
# The name here: what others call it.  Case, underscores and hyphens do not count.
SAME = {
    # of the catalogue
    **{row.name: row.also for row in _NAMED if row.also},
    # arguments and options
    "sizes": "layers layer_sizes units dims",
    "hidden": "activation activations hidden_activation nonlinearity act hidden_layer_sizes "
    "hidden_layers layers units neurons hidden_sizes hidden_units",
    "activation": "nonlinearity act hidden_activation",
    "output": "output_activation out_activation final_activation",
    "loss": "loss_function loss_fn criterion cost objective",
    "initializer": "init kernel_initializer weight_init initialiser weights_init",
    "dropout": "dropout_rate drop_rate p_drop",
    "l2": "regularization weight_penalty l2_reg reg_lambda lmbda kernel_regularizer alpha "
    "weight_decay",
    "dtype": "precision float_type",
    "seed": "random_state random_seed rng",
    "epochs": "n_epochs num_epochs nb_epoch max_epochs max_iter n_iter num_iter iterations "
    "n_iterations epoch",
    "batch_size": "batch minibatch mini_batch_size minibatch_size bs",
    "optimizer": "optimiser solver optim",
    "validation": "validation_split validation_data validation_fraction val_split val_data "
    "eval_set validation_set",
    "sample_weight": "weights weight sample_weights",
    "class_weight": "class_weights weight_of_classes",
    "early_stopping": "n_iter_no_change early_stop patience",
    "patience": "n_iter_no_change early_stopping_rounds",
    "min_delta": "tol tolerance",
    "callbacks": "callback",
    "n_threads": "n_jobs num_workers threads num_threads nthreads jobs workers",
    "verbose": "progress_bar progress disp show_progress",
    "engine": "backend device",
    "learning_rate": "lr eta eta0 learning_rate_init alpha step_size initial_lr rate",
    **{s.name: s.also for row in OPTIMIZERS.values() for s in row.settings if s.also},
    "clip_norm": "clipnorm clip max_norm max_grad_norm gradient_clip grad_clip global_clipnorm",
    "initial": "lr learning_rate initial_learning_rate rate base_lr eta_max",
    "factor": "gamma decay_rate",
    "every": "step_size decay_steps",
    "power": "power_t decay_rate",
    "final": "eta_min min_lr alpha end_lr",
    "test": "test_size test_split test_fraction holdout",
    "folds": "cv n_splits k n_folds num_folds",
    "stratify": "stratified",
    "make": "estimator model network build_fn",
    "X": "x inputs input data features",
    "y": "Y target targets labels label",
    # attributes
    "weights": "weight coefs_ coef_ w W",
    "biases": "bias intercepts_ intercept_ b",
    "theta": "parameters params get_weights state_dict",
    "predict": "predict_classes forward eval",
    "fit": "train learn partial_fit",
    "score": "evaluate accuracy",
    "report": "classification_report precision recall f1 f1_score roc_auc roc_auc_score auc",
    "gradient": "backward grad gradients backprop grads",
    "validation_loss": "val_loss",
    "validation_score": "val_accuracy val_acc val_score",
    "scores": "test_score test_scores",
    "classes": "classes_",
    "seconds": "times time",
    "Network": "net nn mlp Sequential Model NeuralNetwork MLPClassifier MLPRegressor",
    "load": "load_model load_network from_file restore",
    "check_gradient": "gradcheck grad_check gradient_check check_grad",
    "cross_validate": "cross_val_score cross_validation cv kfold k_fold",
    "datasets": "dataset data load_digits",
    "schedules": "schedule lr_scheduler",
    # commands and options of the command line
    "train": "fit learn run",
    "bench": "benchmark time",
    "check": "gradcheck test-gradient",
    "cv": "folds cross-validate cross-validation k-fold",
    "save": "out model output-file",
    "split-seed": "test-seed",
    "target": "label labels y target-column",
    "drop": "ignore exclude",
    "scale": "normalize normalise standardize standardise scaling",
    "quiet": "silent no-progress",
}

# What has no name here, or another form: how to have it.
WAYS = {
    "hidden_layer_sizes": "pass sizes=[inputs, *hidden_layer_sizes, outputs] to loopbp.Network",
    "input_shape": "the first of the sizes is the number of inputs: loopbp.Network([64, 32, 10])",
    "input_dim": "the first of the sizes is the number of inputs: loopbp.Network([64, 32, 10])",
    "n_inputs": "the first of the sizes is the number of inputs: loopbp.Network([64, 32, 10])",
    "n_outputs": "the last of the sizes is the number of outputs: loopbp.Network([64, 32, 10])",
    "in_features": "the first of the sizes is the number of inputs: loopbp.Network([64, 32, 10])",
    "out_features": "the last of the sizes is the number of outputs: loopbp.Network([64, 32, 10])",
    "alpha": "pass l2=alpha / batch_size to loopbp.Network (scikit-learn's alpha is l2 times the "
    "batch size)",
    "betas": "pass beta1=0.9, beta2=0.999",
    "metrics": "accuracy or R**2 is what score gives, report has precision, recall, F1 and ROC "
    "AUC; score_training=True keeps the score by epoch",
    "scoring": "accuracy or R**2 is what is scored, as net.score does",
    "device": "it runs on the processor, and there is nothing to choose",
    "to": "it runs on the processor, and there is nothing to choose",
    "warm_start": "fit goes on from where the network is; make a new Network to start anew",
    "steps_per_epoch": "an epoch takes every example once: ceil(examples / batch_size) steps",
    "use_bias": "every layer has biases; net.biases are views that can be set to 0",
    "fit_intercept": "every layer has biases; net.biases are views that can be set to 0",
    "compile": "there is nothing to compile: the loss is given to loopbp.Network, the optimizer to "
    "fit",
    "summary": "print(net) shows it in a line; net.sizes, net.hidden and net.theta.size say more",
    "history": "net.fit returns it, and its lists are attributes: history.loss, "
    "history.validation_loss",
    "loss_curve_": "it is net.history.loss",
    "n_iter_": "it is net.history.epochs",
    "load_weights": "loopbp.load(path) gives a network; net.theta = theta sets all weights",
    "Dense": "loopbp.Network([64, 32, 10]) has all layers in one",
    "Linear": "loopbp.Network([64, 32, 10]) has all layers in one",
    "version": "it is loopbp.__version__",
}

# Where an argument belongs that was given to another function: whose it is, and how it is written.
_FIT, _NETWORK = "fit", "loopbp.Network"
PLACES = {
    **{
        name: (_FIT, f"{name}=...")
        for name in (
            "epochs", "batch_size", "optimizer", "engine", "shuffle", "validation",
            "sample_weight", "class_weight", "early_stopping", "callbacks", "score_training",
            "n_threads", "verbose",
        )
    },
    **{
        name: (_NETWORK, f"{name}=...")
        for name in ("sizes", "hidden", "output", "loss", "initializer", "dropout", "l2", "seed")
    },
    **{
        setting.name: (_FIT, f"optimizer=loopbp.{row.kind}({setting.name}=...)")
        for row in OPTIMIZERS.values() for setting in row.settings
    },
    "dtype": (_NETWORK, "dtype='float32'"),
    "learning_rate": (_FIT, "optimizer=loopbp.Adam(learning_rate=...)"),
    "momentum": (_FIT, "optimizer=loopbp.SGD(learning_rate, momentum=...)"),
    "nesterov": (_FIT, "optimizer=loopbp.SGD(learning_rate, momentum=..., nesterov=True)"),
    "epsilon": (_FIT, "optimizer=loopbp.Adam(epsilon=...)"),
    "clip_norm": (_FIT, "optimizer=loopbp.Adam(clip_norm=...)"),
    "patience": (_FIT, "early_stopping=loopbp.EarlyStopping(patience=...)"),
    "min_delta": (_FIT, "early_stopping=loopbp.EarlyStopping(min_delta=...)"),
}  # fmt: skip


def _bare(word: str) -> str:
    """A word without case, underscores, hyphens and what surrounds it."""
    return re.sub(r"[^a-z0-9]", "", word.lower())


_MEANT: dict[str, list[str]] = {}
for _name, _words in SAME.items():
    for _word in _words.split():
        _MEANT.setdefault(_bare(_word), []).append(_name)
_WAYS = {_bare(name): text for name, text in WAYS.items()}


def nearest(word: str, names: Iterable[str]) -> str | None:
    """The name out of `names` that somebody who wrote `word` may have meant.

    Parameters
    ----------
    word
        What came.
    names
        What could have come; options of the command line with their hyphens.

    Returns
    -------
    str or None
        The same but for case, underscores and hyphens; else what `SAME` says; else a name that
        holds the word; else one spelt alike; else None.
    """
    bare = {}
    for name in names:
        bare.setdefault(_bare(name), name)
    sought = _bare(word)
    for candidate in (sought, *map(_bare, _MEANT.get(sought, ()))):
        if candidate in bare:
            return bare[candidate]
    if len(sought) > 2:
        held = [name for candidate, name in bare.items() if sought in candidate]
        if held:
            return held[0]
    near = difflib.get_close_matches(sought, bare, 1, 0.6 if len(sought) > 3 else 0.5)
    return bare[near[0]] if near else None


def hint(word: str, names: Iterable[str]) -> str:
    """``; did you mean 'relu'?``, or nothing."""
    near = nearest(word, names)
    return f"; did you mean {near!r}?" if near else ""


def listed(names: Iterable[str], most: int = 12) -> str:
    """Names with commas, cut off where they are many."""
    known = list(names)
    return ", ".join(known[:most]) + (", ..." if len(known) > most else "")


def no_argument(function: str, word: str, names: Iterable[str]) -> str:
    """That `function` has no argument `word`, and how to have what was meant.

    Parameters
    ----------
    function
        As people call it: ``fit``, ``loopbp.Network``.
    word
        What came.
    names
        The arguments that it has.

    Returns
    -------
    str
        One line.
    """
    known = list(names)
    first = f"{function} has no argument {word!r}"
    bare, meant = {_bare(name): name for name in known}, _MEANT.get(_bare(word), [])
    if _bare(word) in bare:
        return f"{first}; did you mean {bare[_bare(word)]!r}?"
    way = _WAYS.get(_bare(word))
    if way is not None and "batch_size" in known:
        way = way.replace(" to fit", "")
    if way is not None and (word != "alpha" or "learning_rate" not in known):
        return f"{first}; {way}"
    for candidate in meant:
        if candidate in known:
            return f"{first}; did you mean {candidate!r}?"
    alike = difflib.get_close_matches(_bare(word), bare, 1, 0.8)
    alike += [one for one in bare if len(_bare(word)) > 2 and one.startswith(_bare(word))]
    if alike and word not in PLACES:
        return f"{first}; did you mean {bare[alike[0]]!r}?"
    for candidate in (word, *meant):
        if candidate in PLACES:
            owner, written = PLACES[candidate]
            taken = owner == function or (owner == _FIT and "batch_size" in known)
            return f"{first}; pass {written}" + ("" if taken else f" to {owner}")
    near = nearest(word, known)
    if near is not None:
        return f"{first}; did you mean {near!r}?"
    return f"{first}; it has {listed(known)}" if known else f"{first}; it takes none"


def no_attribute(owner: str, word: str, names: Iterable[str]) -> str:
    """That `owner` has no attribute `word`, and what was perhaps meant; one line.

    Parameters
    ----------
    owner
        ``module 'loopbp'``, ``a Network``.
    word
        What came.
    names
        The attributes that it has.

    Returns
    -------
    str
        One line.
    """
    public = [name for name in names if not name.startswith("_")]
    near = nearest(word, public)
    if near is not None and (near in _MEANT.get(_bare(word), ()) or _bare(near) == _bare(word)):
        return f"{owner} has no attribute {word!r}; did you mean {near!r}?"
    if _bare(word) in _WAYS:
        return f"{owner} has no attribute {word!r}; {_WAYS[_bare(word)]}"
    if owner.startswith("Network"):
        text = misplaced(owner, word, public)
        if text is not None:
            return text
    return f"{owner} has no attribute {word!r}" + (f"; did you mean {near!r}?" if near else "")


def misplaced(owner: str, word: str, names: Iterable[str]) -> str | None:
    """That an attribute is another's argument, or misspelt; None: it may be somebody's own.

    Parameters
    ----------
    owner, word, names
        As in `no_attribute`.

    Returns
    -------
    str or None
        One line.
    """
    first = f"{owner} has no attribute {word!r}"
    bare = {_bare(name): name for name in names if not name.startswith("_")}
    alike = difflib.get_close_matches(_bare(word), bare, 1, 0.8)
    if alike and word not in PLACES:
        return f"{first}; did you mean {bare[alike[0]]!r}?"
    for candidate in (word, *_MEANT.get(_bare(word), ())):
        if candidate in PLACES:
            place, written = PLACES[candidate]
            return f"{first}; pass {written} to {place}"
    return None
