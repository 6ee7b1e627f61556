"""Two published examples that people work through by hand, number by number."""

import math

import numpy as np
import pytest

import loopbp

each_engine = pytest.mark.parametrize("engine", ["numpy", "loops"])


# -- Matt Mazur, "A Step by Step Backpropagation Example" -----------------------------------------
# 2 inputs, 2 hidden, 2 outputs, all sigmoid; C = 1/2 sum (target - out)**2; learning rate 0.5.
#
#   net_h1 = .15 * .05 + .20 * .10 + .35 = .3775        out_h1 = .593269992
#   net_h2 = .25 * .05 + .30 * .10 + .35 = .3925        out_h2 = .596884378
#   net_o1 = .40 * .593269992 + .45 * .596884378 + .60 = 1.105905967   out_o1 = .751365070
#   net_o2 = .50 * .593269992 + .55 * .596884378 + .60 = 1.224921404   out_o2 = .772928465
#   C = 1/2 (.01 - .751365070)**2 + 1/2 (.99 - .772928465)**2 = .274811083 + .023560026
MAZUR_X, MAZUR_Y = [[0.05, 0.10]], [[0.01, 0.99]]


@pytest.fixture
def mazur():
    net = loopbp.Network([2, 2, 2], "sigmoid", "sigmoid", "quadratic", seed=0)
    net.weights[0][:] = [[0.15, 0.20], [0.25, 0.30]]
    net.weights[1][:] = [[0.40, 0.45], [0.50, 0.55]]
    net.biases[0][:], net.biases[1][:] = 0.35, 0.60
    return net


@each_engine
def test_mazur_forward_and_loss(mazur, engine):
    g = mazur.gradient(MAZUR_X, MAZUR_Y, engine=engine)
    assert g.weighted_inputs[0][0] == pytest.approx([0.3775, 0.3925])
    assert g.activations[1][0] == pytest.approx([0.593269992, 0.596884378], abs=1e-9)
    assert g.weighted_inputs[1][0] == pytest.approx([1.105905967, 1.224921404], abs=1e-9)
    assert g.activations[2][0] == pytest.approx([0.751365070, 0.772928465], abs=1e-9)
    assert g.loss == pytest.approx(0.298371109, abs=1e-9)


@each_engine
def test_mazur_gradient(mazur, engine):
    g = mazur.gradient(MAZUR_X, MAZUR_Y, engine=engine)
    # delta_o1 = (.751365070 - .01) * .751365070 (1 - .751365070) = .741365070 * .186815602
    assert g.deltas[1][0] == pytest.approx([0.138498562, -0.038098236], abs=1e-9)
    # dC/dw5 = delta_o1 * out_h1 = .138498562 * .593269992
    assert g.weights[1][0, 0] == pytest.approx(0.082167041, abs=1e-9)
    # dC/dout_h1 = .138498562 * .40 - .038098236 * .50 = .036350306
    # delta_h1 = .036350306 * .593269992 (1 - .593269992) = .036350306 * .241300709
    # dC/dw1 = delta_h1 * .05
    assert g.weights[0][0, 0] == pytest.approx(0.000438568, abs=1e-9)


@each_engine
def test_mazur_weights_after_one_step(mazur, engine):
    mazur.fit(MAZUR_X, MAZUR_Y, epochs=1, optimizer=loopbp.SGD(0.5), engine=engine)
    # w5 = .40 - .5 * .082167041 and so on, with the old weights in all of them.
    # (His biases stay as they are, and so are not compared.)
    w1_to_w4 = [[0.149780716, 0.19956143], [0.24975114, 0.29950229]]
    w5_to_w8 = [[0.35891648, 0.408666186], [0.511301270, 0.561370121]]
    assert mazur.weights[0] == pytest.approx(np.array(w1_to_w4), abs=1e-8)
    assert mazur.weights[1] == pytest.approx(np.array(w5_to_w8), abs=1e-8)


# -- scikit-learn's test_fit ----------------------------------------------------------------------
# MLPClassifier: 3 inputs, 2 hidden sigmoid units, 1 sigmoid output, cross-entropy, one example of
# class 0, alpha = 0.1, learning rate 0.1, one step.
#
# Its penalty is alpha / (2 n) sum w**2, n the batch size, so l2 = alpha / n: 0.1 for n = 1.
# Its coefs_ are (inputs, units): our w transposed.
#
#   h1 = g(.6 * .1 + .8 * .3 + .7 * .5 + .1) = .679178699
#   h2 = g(.6 * .2 + .8 * .1 + .7 * 0 + .1) = .574442517
#   o  = g(.679 * .1 + .574 * .2 + 1) = .765432924
#   delta_o = o - 0 = .765
#   delta_h1 = (1 - .679) .679 * .765 * .1 = .01667;  delta_h2 = (1 - .574) .574 * .765 * .2 = .0374
#   dW1_11 = .6 * .01667 + .1 * .1 = .0200,  so  W1_11 = .1 - .1 * .0200 = .098
ALPHA, N = 0.1, 1


@each_engine
def test_one_step_of_scikit_learn(engine):
    net = loopbp.Network([3, 2, 1], "sigmoid", "sigmoid", l2=ALPHA / N, seed=0)
    net.weights[0][:] = np.array([[0.1, 0.2], [0.3, 0.1], [0.5, 0.0]]).T
    net.weights[1][:] = [[0.1, 0.2]]
    net.biases[0][:], net.biases[1][:] = 0.1, 1.0
    X, y = np.array([[0.6, 0.8, 0.7]]), np.array([0])

    g = net.gradient(X, y, engine=engine)
    assert g.activations[1][0] == pytest.approx([0.679178699175393, 0.574442516811659])
    # Its text goes on with .679 and .574, so its o is right to four digits.
    o = 1 / (1 + math.exp(-(0.679178699175393 * 0.1 + 0.574442516811659 * 0.2 + 1)))
    assert o == pytest.approx(0.7654329236196236, abs=1e-4)
    assert g.activations[2][0, 0] == g.deltas[1][0, 0] == pytest.approx(o)
    # -log(1 - o) + alpha / 2 (.01 + .04 + .09 + .01 + .25 + 0 + .01 + .04)
    assert g.loss == pytest.approx(-math.log(1 - o) + 0.05 * 0.45)

    net.fit(X, y, epochs=1, optimizer=loopbp.SGD(0.1), engine=engine)
    # The tolerance is that of scikit-learn's own test (three digits; its text rounds on the way).
    w1 = np.array([[0.098, 0.195756], [0.2956664, 0.096008], [0.4939998, -0.002244]]).T
    w2 = np.array([[0.04706, 0.154089]])
    assert net.weights[0] == pytest.approx(w1, abs=1e-3)
    assert net.weights[1] == pytest.approx(w2, abs=1e-3)
    assert net.biases[0] == pytest.approx([0.098333, 0.09626], abs=1e-3)
    assert net.biases[1] == pytest.approx([0.9235], abs=1e-3)
    # g(h1 W2_1 + h2 W2_2 + b2) with the new weights
    assert net.predict_proba(X)[0, 0] == pytest.approx(0.739, abs=1e-3)
