"""Every activation, loss, optimizer, schedule, initialiser and engine: one row each.

A row has the name that people write, the code that compiled functions take, and all that others
need to know of it: which outputs fit a loss, how many vectors an optimizer keeps, what other
libraries call it.  Whoever needs a list of names takes it from here; no code means anything by its
size.  Formulas are written as Python, and `loopbp.formulas` evaluates them or writes them out.

Nothing here imports Numba, so that ``loopbp --help`` is there at once.  ``docs/contributing.md``
has the recipe for one more row.
"""

import math
from typing import NamedTuple, Protocol, TypeVar

_ANY_NUMBER = (-math.inf, math.inf)
LEAKY_SLOPE = 0.01
TINY = 1.1754943508222875e-38
"""the smallest normal float32; 1 / TINY is finite in float32"""


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_Row = TypeVar("_Row", bound=_Named)


def _by_name(*rows: _Row) -> dict[str, _Row]:
    return {row.name: row for row in rows}


class Activation(NamedTuple):
    """One activation."""

    name: str
    code: int
    sigma: str = ""
    """sigma(z) as a formula of z; empty where sigma is not a function of one z"""
    prime: str = ""
    """sigma'(z) as a formula of z and a = sigma(z)"""
    where: tuple[tuple[str, str], ...] = ()
    """letters of `prime`, and the formula of z behind each"""
    range: tuple[float, float] = _ANY_NUMBER
    """what the outputs come near to"""
    corner: str = ""
    """what jumps at z = 0: slope, curvature, or nothing"""
    turns: bool = False
    """whether sigma' crosses zero: its digits are those of the terms of its sum"""
    prime_by_sign: bool = False
    """whether sigma' follows from the sign of z, which is that of a; others need z"""
    in_registers: bool = False
    """whether hidden layers of very small networks have it in `loopbp.tiled.epochs.in_registers`"""
    initializer: str = "glorot_uniform"
    """of the weights into its layer, where nothing is said"""
    usual_loss: str = "half_mse"
    """where it is the output and no loss is named"""
    also: str = ""
    """what others call it"""

    @property
    def elementwise(self) -> bool:
        """Whether sigma is a function of one z, as hidden layers need it."""
        return self.sigma != ""


ACTIVATIONS = _by_name(
    Activation(
        "identity", IDENTITY := 0, "z", "1",
        prime_by_sign=True, in_registers=True, also="linear none",
    ),
    Activation(
        "sigmoid", SIGMOID := 1, "sigmoid(z)", "a * (1 - a)", range=(0.0, 1.0),
        in_registers=True, usual_loss="binary_cross_entropy", also="logistic expit",
    ),
    Activation(
        "tanh", TANH := 2, "tanh(z)", "1 - a**2", range=(-1.0, 1.0), in_registers=True
    ),
    Activation(
        "relu", RELU := 3, "max(z, 0)", "1 if z > 0 else 0", range=(0.0, math.inf),
        corner="slope", prime_by_sign=True, in_registers=True, initializer="he_uniform",
        also="relu6 rectifier",
    ),
    Activation(
        "leaky_relu", LEAKY_RELU := 4, "z if z > 0 else 0.01 * z", "1 if z > 0 else 0.01",
        corner="slope", prime_by_sign=True, in_registers=True, initializer="he_uniform",
        also="lrelu prelu",
    ),
    Activation(
        "elu", ELU := 5, "z if z > 0 else exp(z) - 1", "1 if z > 0 else exp(z)",
        range=(-1.0, math.inf), corner="curvature", in_registers=True,
        initializer="he_uniform",
    ),
    Activation(
        "softplus", SOFTPLUS := 6, "softplus(z)", "sigmoid(z)", range=(0.0, math.inf),
        initializer="he_uniform",
    ),
    Activation(
        "gelu", GELU := 7, "z * Phi(z)", "Phi(z) + z * phi(z)", range=(-0.2, math.inf),
        turns=True, initializer="he_uniform",
    ),
    Activation(
        "silu", SILU := 8, "z / (1 + exp(-z))", "s + z * s * (1 - s)",
        where=(("s", "sigmoid(z)"),), range=(-0.3, math.inf), turns=True,
        initializer="he_uniform", also="swish",
    ),
    Activation(
        "mish", MISH := 10, "z * tanh(softplus(z))", "t + z * s * (1 - t**2)",
        where=(("t", "tanh(softplus(z))"), ("s", "sigmoid(z)")), range=(-0.31, math.inf),
        turns=True, initializer="he_uniform",
    ),
    Activation(
        "softsign", SOFTSIGN := 11, "z / (1 + abs(z))", "1 / (1 + abs(z))**2", range=(-1.0, 1.0),
        corner="curvature", in_registers=True,
    ),
    Activation(
        "exp", EXP := 12, "exp(z)", "a", range=(0.0, math.inf), usual_loss="poisson_deviance",
        also="exponential log_link",
    ),
    Activation(
        "softmax", SOFTMAX := 9, range=(0.0, 1.0), usual_loss="cross_entropy",
        also="log_softmax",
    ),
)  # fmt: skip
USER = 99
"""the code of an activation of a user's own, which has no row"""
ACTIVATION_CODES = {name: row.code for name, row in ACTIVATIONS.items()}
HIDDEN = tuple(name for name, row in ACTIVATIONS.items() if row.elementwise)
"""Names of those that hidden layers may have"""
# Codes, for compiled functions.
ELEMENTWISE = tuple(ACTIVATIONS[name].code for name in HIDDEN)
PRIME_BY_SIGN = tuple(row.code for row in ACTIVATIONS.values() if row.prime_by_sign)


class Loss(NamedTuple):
    """One loss: C^t is the sum or the mean over the outputs of a term of a and y."""

    name: str
    code: int
    term: str
    """what one output adds, as a formula of a and y"""
    prime: str
    """its derivative by a"""
    markup: str
    """C^t as people write it"""
    note: str = ""
    """what a letter in it means"""
    function: str = ""
    """of `loopbp.losses`, for the term (empty: as `name`); its derivative's name ends in _prime"""
    halved: bool = False
    """whether that function gives twice the term"""
    mean: bool = False
    """whether C^t is the mean over the outputs, and not their sum"""
    usual_output: str = "identity"
    outputs: tuple[str, ...] = tuple(ACTIVATIONS)
    """built-in outputs whose range it is defined on; a user's own fits every loss"""
    logarithmic: bool = False
    """whether its term is infinite at an end of the range of a; from z, with all its `outputs`, C^t
    and delta^L are right to the last digits there"""
    canonical: str = ""
    """the output with which delta^L is a - y"""
    in_registers: tuple[str, ...] = ()
    """the outputs with which `loopbp.tiled.epochs.in_registers` has it"""
    corner: str = ""
    """what jumps at an error of its `corners`: slope, curvature, or nothing"""
    corners: tuple[float, ...] = ()
    """values of a - y"""
    targets: tuple[float, float] = _ANY_NUMBER
    """what y may be"""
    labels: bool = False
    """whether targets are classes whatever the output"""
    also: str = ""
    """what others call it"""


LOSSES = _by_name(
    Loss(
        "half_mse", HALF_MSE := 0, "(a - y)**2 / 2", "a - y",
        r"\frac{1}{2 n_L} \sum_i (a_i - y_i)^2", mean=True, function="squared", halved=True,
        in_registers=("identity", "sigmoid", "tanh"),
        also="mse mse_loss mean_squared_error squared_error l2 l2_loss squared_loss",
    ),
    Loss(
        "quadratic", QUADRATIC := 1, "(a - y)**2 / 2", "a - y",
        r"\frac{1}{2} \sum_i (a_i - y_i)^2", function="squared", halved=True,
        in_registers=("identity", "sigmoid", "tanh"),
        also="sse sum_of_squares quadratic_cost",
    ),
    Loss(
        "mae", MAE := 2, "abs(a - y)", "sign(a - y)",
        r"\frac{1}{n_L} \sum_i \mid a_i - y_i \mid", mean=True, corner="slope", corners=(0.0,),
        also="l1 l1_loss mean_absolute_error absolute_error absolute_loss",
    ),
    Loss(
        "huber", HUBER := 3,
        "(a - y)**2 / 2 if abs(a - y) <= 1 else abs(a - y) - 1 / 2", "clip(a - y, -1, 1)",
        r"\frac{1}{n_L} \sum_i h(a_i - y_i)",
        r"$h(e)$ is $e^2 / 2$ for $\mid e \mid \le 1$, else $\mid e \mid - 1/2$.",
        mean=True, corner="curvature",
        corners=(-1.0, 1.0), also="smooth_l1 smooth_l1_loss huber_loss",
    ),
    Loss(
        "binary_cross_entropy", BINARY_CROSS_ENTROPY := 4,
        "-(y * log(a) + (1 - y) * log(1 - a))", "-(y / a - (1 - y) / (1 - a))",
        r"-\sum_i (y_i \log a_i + (1 - y_i) \log(1 - a_i))", usual_output="sigmoid",
        outputs=("sigmoid", "softmax"), logarithmic=True, canonical="sigmoid",
        in_registers=("sigmoid",), targets=(0.0, 1.0), labels=True,
        also="bce bce_loss binary_crossentropy bce_with_logits bce_with_logits_loss log_loss",
    ),
    Loss(
        "cross_entropy", CROSS_ENTROPY := 5, "-y * log(a)", "-y / a",
        r"-\sum_i y_i \log a_i", usual_output="softmax", outputs=("softmax", "sigmoid"),
        logarithmic=True, canonical="softmax", in_registers=("softmax",), targets=(0.0, 1.0),
        labels=True, also="ce nll nll_loss categorical_crossentropy "
        "sparse_categorical_crossentropy cross_entropy_loss softmax_cross_entropy "
        "negative_log_likelihood log_loss",
    ),
    Loss(
        "poisson", POISSON := 6, "a - y * log(a)", "1 - y / a",
        r"\frac{1}{n_L} \sum_i (a_i - y_i \log a_i)", mean=True, usual_output="softplus",
        outputs=("softplus", "exp", "sigmoid", "softmax"), logarithmic=True,
        targets=(0.0, math.inf), also="poisson_nll poisson_nll_loss",
    ),
    Loss(
        "log_cosh", LOG_COSH := 7, "log(cosh(a - y))", "tanh(a - y)",
        r"\frac{1}{n_L} \sum_i \log(\cosh(a_i - y_i))", mean=True,
        also="logcosh logcosh_loss log_cosh_loss",
    ),
    Loss(
        "poisson_deviance", POISSON_DEVIANCE := 8, "a - y + y * (log(y) - log(a))", "1 - y / a",
        r"\sum_i (a_i - y_i + y_i \log(y_i / a_i))", r"$0 \log 0$ is 0.", usual_output="exp",
        outputs=("exp", "softplus", "sigmoid", "softmax"), logarithmic=True, canonical="exp",
        targets=(0.0, math.inf),
        also="half_poisson_deviance mean_poisson_deviance half_poisson_loss poisson_loss",
    ),
)  # fmt: skip
LOSS_CODES = {name: row.code for name, row in LOSSES.items()}
LOGARITHMIC = tuple(row.code for row in LOSSES.values() if row.logarithmic)
CANONICAL = frozenset(
    (row.code, ACTIVATIONS[row.canonical].code) for row in LOSSES.values() if row.canonical
)
"""Codes of the pairs of loss and output whose delta^L is a - y"""


class Setting(NamedTuple):
    """A number that an optimizer or a schedule takes, and its range."""

    name: str
    default: float
    text: str = ""
    """for the command line"""
    above: float | None = None
    at_least: float | None = None
    below: float | None = None
    also: str = ""
    """what others call it"""

    @property
    def limits(self) -> dict[str, float]:
        """What `loopbp.validate.check_number` takes."""
        limits = {"above": self.above, "at_least": self.at_least, "below": self.below}
        return {name: limit for name, limit in limits.items() if limit is not None}


def _share(name: str, default: float, also: str = "") -> Setting:
    return Setting(name, default, at_least=0.0, below=1.0, also=also)


def _positive(name: str, default: float, text: str = "") -> Setting:
    return Setting(name, default, text, above=0.0)


def _epsilon(default: float) -> Setting:
    return Setting("epsilon", default, above=0.0, also="eps")


_BETAS = (_share("beta1", 0.9, "beta_1 b1 betas"), _share("beta2", 0.999, "beta_2 b2"))


class Rule(NamedTuple):
    """One way to move theta; an optimizer has one or several."""

    code: int
    vectors: int
    """as long as theta, that it keeps"""
    weights_apart: bool = False
    """whether weights and biases are treated otherwise"""
    full_batch: bool = False
    """whether it is meant for the gradient of all examples at once"""


class Optimizer(NamedTuple):
    """One optimizer: a class of `loopbp.optimizers`."""

    name: str
    kind: str
    """the class"""
    rules: tuple[Rule, ...]
    learning_rate: float
    settings: tuple[Setting, ...] = ()
    also: str = ""
    """what others call it"""

    @property
    def full_batch(self) -> bool:
        """Whether it is meant for the gradient of all examples at once."""
        return any(rule.full_batch for rule in self.rules)


OPTIMIZERS = _by_name(
    Optimizer(
        "sgd", "SGD",
        (Rule(RULE_SGD := 0, 0), Rule(RULE_MOMENTUM := 1, 1), Rule(RULE_NESTEROV := 2, 1)),
        0.01, (_share("momentum", 0.0, "mu"),),
        also="gd gradient_descent momentum nesterov lbfgs",
    ),
    Optimizer(
        "rmsprop", "RMSprop", (Rule(RULE_RMSPROP := 3, 1),), 1e-3,
        (_share("rho", 0.9, "decay alpha"), _epsilon(1e-8)), also="rms",
    ),
    Optimizer(
        "adam", "Adam", (Rule(RULE_ADAM := 4, 2),), 1e-3,
        (*_BETAS, _epsilon(1e-8)),
        also="nadam adamax amsgrad",
    ),
    Optimizer(
        "adamw", "AdamW", (Rule(RULE_ADAMW := 5, 2, weights_apart=True),), 1e-3,
        (
            *_BETAS, _epsilon(1e-8),
            Setting("weight_decay", 0.01, at_least=0.0, also="decay wd l2"),
        ),
        also="adam_w nadamw",
    ),
    Optimizer(
        "adagrad", "Adagrad", (Rule(RULE_ADAGRAD := 6, 1),), 1e-2, (_epsilon(1e-10),),
        also="ada_grad adadelta",
    ),
    Optimizer(
        "rprop", "Rprop", (Rule(RULE_RPROP := 7, 2, full_batch=True),), 0.1,
        (
            Setting(
                "decrease", 0.5, "a step behind a change of sign", above=0.0, below=1.0,
                also="decrease_factor eta_minus etas delta_dec",
            ),
            Setting(
                "increase", 1.2, "a step behind none", above=1.0,
                also="increase_factor eta_plus delta_inc",
            ),
            Setting("smallest_step", 1e-6, above=0.0, also="delta_min step_sizes"),
            Setting("largest_step", 50.0, above=0.0, also="delta_max deltamax"),
        ),
        also="irprop irpropm rprop_minus resilient resilient_propagation resilient_backpropagation",
    ),
)  # fmt: skip
RULES = {rule.code: rule for row in OPTIMIZERS.values() for rule in row.rules}
WEIGHTS_APART = tuple(rule.code for rule in RULES.values() if rule.weights_apart)
WITHOUT_STATE, ONE_VECTOR, TWO_VECTORS = (
    tuple(rule.code for rule in RULES.values() if rule.vectors == count) for count in range(3)
)


class Schedule(NamedTuple):
    """One schedule of the learning rate: a class of `loopbp.schedules`."""

    name: str
    kind: str
    """the class"""
    settings: tuple[Setting, ...] = ()
    """those that the command line has options for"""
    also: str = ""
    """what others call it"""


SCHEDULES = _by_name(
    Schedule("constant", "Constant"),
    Schedule(
        "step", "Step",
        (
            _positive("factor", 0.5, "what the rate is multiplied by"),
            Setting("every", 10, "after how many epochs", at_least=1),
        ),
        also="step_lr exponential step_decay",
    ),
    Schedule(
        "inverse-scaling", "InverseScaling",
        (Setting("power", 0.5, "rate/(1 + epoch)**X", at_least=0.0),),
        also="invscaling inverse_time_decay",
    ),
    Schedule(
        "cosine", "Cosine", (_positive("final", 1e-6, "the last rate"),),
        also="cosine_annealing cosine_decay cosine_annealing_lr",
    ),
)  # fmt: skip


class Initializer(NamedTuple):
    """One way to draw the first weights: uniform in (-r, r) with r**2 = gain / n, or normal with
    variance gain / n; n is 1 (`of` empty), n_in, or the mean of n_in and n_out."""

    name: str
    text: str
    draws: str = ""
    """uniform, normal, or nothing: zeros"""
    gain: float = 0.0
    of: str = ""
    """in, mean or nothing"""
    biases: bool = False
    """whether biases are drawn, too, from N(0, 1)"""
    also: str = ""
    """what others call it"""


INITIALIZERS = _by_name(
    Initializer(
        "glorot_uniform", "U(-r, r), r = sqrt(6 / (n_in + n_out)) (Glorot and Bengio 2010)",
        "uniform", 3.0, "mean", also="xavier xavier_uniform glorot",
    ),
    Initializer(
        "glorot_normal", "N(0, 2 / (n_in + n_out))", "normal", 1.0, "mean",
        also="xavier_normal",
    ),
    Initializer(
        "he_uniform", "U(-r, r), r = sqrt(6 / n_in) (He et al. 2015)", "uniform", 6.0, "in",
        also="kaiming_uniform",
    ),
    Initializer(
        "he_normal", "N(0, 2 / n_in)", "normal", 2.0, "in", also="he kaiming kaiming_normal"
    ),
    Initializer(
        "lecun_uniform", "U(-r, r), r = sqrt(3 / n_in) (LeCun et al. 1998)", "uniform", 3.0,
        "in",
    ),
    Initializer("lecun_normal", "N(0, 1 / n_in)", "normal", 1.0, "in", also="lecun"),
    Initializer(
        "normal", "N(0, 1), biases too: the large initial weights of Nielsen's book",
        "normal", 1.0, biases=True,
    ),
    Initializer(
        "scaled_normal", "N(0, 1 / n_in), biases N(0, 1): the default of Nielsen's network2",
        "normal", 1.0, "in", biases=True,
    ),
    Initializer("zeros", "0"),
)  # fmt: skip


class Engine(NamedTuple):
    """One engine, or auto, which chooses one."""

    name: str
    also: str = ""
    """what people call it"""


ENGINES = _by_name(
    Engine("auto"),
    Engine("numpy", also="np vectorized vectorised"),
    Engine("loops", also="numba naive"),
    Engine("tiled", also="fast cpu blas"),
)  # fmt: skip
