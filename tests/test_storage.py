"""`save` and `load`: everything comes back, a bad file is refused, a good one is never spoiled."""

import contextlib
import json
import os
import stat
import zipfile

import numpy as np
import pytest
from cases import helpers

import loopbp
from loopbp import schedules
from loopbp.jit.decorators import inline_jit
from loopbp.network import storage


@pytest.fixture
def saved(tmp_path):
    """The file of a small trained network."""
    net = helpers.classifier()
    net.fit(*helpers.blobs(6), epochs=1)
    path = tmp_path / "net.npz"
    net.save(path)
    return path


def rewrite(path, **changes):
    """Change facts in the file's JSON, or arrays."""
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    meta = json.loads(str(arrays["meta"]))
    for name, value in changes.items():
        if name in arrays:
            arrays[name] = value
        elif value is None:
            del meta[name]
        else:
            meta[name] = value
    np.savez(path, allow_pickle=False, **{**arrays, "meta": np.array(json.dumps(meta))})


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"dtype": "float32", "l2": 0.01, "dropout": 0.25},
        {"sizes": [2, 3], "output": "sigmoid"},
        {"sizes": [2, 4, 3, 3], "hidden": ["relu", "gelu"], "loss": "half_mse"},
    ],
)
def test_round_trip(tmp_path, options):
    net = loopbp.Network(**{"sizes": [2, 5, 3], "seed": 4, **options})
    X, y = helpers.blobs(12)
    net.fit(X, np.eye(3)[y], epochs=2, validation=0.25)
    net.metadata = {"columns": ["x", "y"], "mean": [0.5, 1.5]}
    net.save(tmp_path / "net.npz")
    loaded = loopbp.load(tmp_path / "net.npz")
    assert repr(loaded) == repr(net)
    for name in ("sizes", "hidden", "dropout", "l2", "dtype", "seed", "task", "initializer",
                 "history", "metadata"):  # fmt: skip
        assert getattr(loaded, name) == getattr(net, name), name
    assert (loaded.theta == net.theta).all()
    assert loaded.theta.dtype == net.theta.dtype
    assert (loaded.predict(X) == net.predict(X)).all()


def test_round_trip_before_any_fit(tmp_path):
    net = helpers.classifier()
    net.save(str(tmp_path / "net.npz"))
    loaded = loopbp.load(str(tmp_path / "net.npz"))
    assert (loaded.theta == net.theta).all()
    assert (loaded.task, loaded.classes) == (None, None)


def test_string_labels_come_back(tmp_path):
    X, y = helpers.blobs(12)
    names = np.array(["été", "b", "c"])[y]
    net = helpers.classifier()
    net.fit(X, names, epochs=1)
    net.save(tmp_path / "net.npz")
    loaded = loopbp.load(tmp_path / "net.npz")
    assert (loaded.predict(X) == net.predict(X)).all()
    assert loaded.score(X, names) == net.score(X, names)


@pytest.mark.parametrize(
    "optimizer",
    [
        loopbp.SGD(0.1), loopbp.SGD(0.1, momentum=0.9, nesterov=True), loopbp.RMSprop(0.01),
        loopbp.Adam(0.01, clip_norm=1.0), loopbp.AdamW(0.01, weight_decay=0.1),
        loopbp.Adam(schedules.Cosine(0.1, epochs=4)), loopbp.SGD(schedules.Step(0.1, 0.5, 1)),
    ],
    ids=repr,
)  # fmt: skip
def test_fit_after_load_is_fit_without_interruption(tmp_path, optimizer):
    X, y = helpers.blobs(20)
    whole, first = helpers.classifier(dropout=0.2), helpers.classifier(dropout=0.2)
    arguments = {"batch_size": 8, "optimizer": optimizer}
    whole.fit(X, y, epochs=4, **arguments)
    first.fit(X, y, epochs=2, **arguments)
    first.save(tmp_path / "net.npz")
    loaded = loopbp.load(tmp_path / "net.npz")
    loaded.fit(X, y, epochs=2, **arguments)
    assert (loaded.theta == whole.theta).all()
    assert loaded.history.loss == whole.history.loss


def test_an_own_schedule_cannot_be_saved_and_starts_anew(tmp_path):
    net = helpers.classifier()
    net.fit(*helpers.blobs(6), epochs=1, optimizer=loopbp.SGD(lambda epoch: 0.1))
    net.save(tmp_path / "net.npz")
    loaded = loopbp.load(tmp_path / "net.npz")
    assert loaded._state is None
    loaded.fit(*helpers.blobs(6), epochs=1, optimizer=loopbp.SGD(lambda epoch: 0.1))
    assert loaded.history.epochs == 2


def test_own_activation_is_found_again_if_registered(tmp_path, registry):
    loopbp.register_activation("mine", inline_jit(lambda z: 2 * z), inline_jit(lambda z: 2.0))
    net = loopbp.Network([2, 3, 1], "mine", seed=0)
    net.save(tmp_path / "net.npz")
    X = np.ones((1, 2))
    assert loopbp.load(tmp_path / "net.npz").predict_proba(X) == net.predict_proba(X)
    del registry["mine"]
    with pytest.raises(ValueError, match=r"net\.npz: cannot be restored: hidden: .*'mine'"):
        loopbp.load(tmp_path / "net.npz")


# -- files that are none --------------------------------------------------------------------------


@pytest.mark.parametrize("part", [0.0, 0.01, 0.1, 0.5, 0.9, 0.99, 0.9999])
def test_truncated(saved, part):
    whole = saved.read_bytes()
    saved.write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(ValueError, match=r"net\.npz: not a loopbp network"):
        loopbp.load(saved)


def test_a_flag_that_says_encrypted(saved):
    damaged = bytearray(saved.read_bytes())
    damaged[damaged.rindex(b"PK\x01\x02") + 8] |= 1
    saved.write_bytes(bytes(damaged))
    with pytest.raises(ValueError, match="not a loopbp network"):
        loopbp.load(saved)


@pytest.mark.parametrize(
    "content", [b"x", b"PK\x03\x04" + bytes(100), b"\x93NUMPY\x01\x00", bytes(range(256)) * 9]
)
def test_other_bytes(saved, content):
    saved.write_bytes(content)
    with pytest.raises(ValueError, match="not a loopbp network"):
        loopbp.load(saved)


def test_flipped_bytes_are_noticed_or_harmless(saved):
    whole, expected = saved.read_bytes(), loopbp.load(saved).theta
    for position in np.linspace(0, len(whole) - 1, 400 if helpers.JIT else 100).astype(int):
        damaged = bytearray(whole)
        damaged[position] ^= 0xFF
        saved.write_bytes(bytes(damaged))
        found = None
        with contextlib.suppress(ValueError):
            found = loopbp.load(saved)
        assert found is None or (found.theta == expected).all()


def test_foreign_archives(tmp_path, saved):
    np.savez(tmp_path / "theirs.npz", theta=np.ones(3))
    np.save(tmp_path / "array.npy", np.ones(3))
    with zipfile.ZipFile(tmp_path / "text.npz", "w") as archive:
        archive.writestr("readme.txt", "hello")
    np.savez(tmp_path / "meta.npz", meta=np.array('"text"'))
    for name in ("theirs.npz", "array.npy", "text.npz", "meta.npz"):
        with pytest.raises(ValueError, match=f"{name}: not a loopbp network"):
            loopbp.load(tmp_path / name)
    rewrite(saved, kind="another network")
    with pytest.raises(ValueError, match="not a loopbp network"):
        loopbp.load(saved)


def test_newer_format(saved):
    rewrite(saved, format=storage.FORMAT + 1)
    with pytest.raises(ValueError, match=r"net\.npz: written by a newer loopbp"):
        loopbp.load(saved)


@pytest.mark.parametrize(
    "changes",  # to a network of 2 x 6 + 6 + 6 x 3 + 3 = 39 parameters and Adam's two vectors
    [
        {"sizes": [2, 7, 3]},
        {"sizes": [2, 6, 3.5]},
        {"loss": "unknown"},
        {"theta": np.zeros(5)},
        {"theta": np.zeros(1)},
        {"state": np.zeros((1, 39))},
        {"state": np.zeros((2, 38))},
        {"state": np.zeros((0, 0))},
        {"hidden": None},
        {"history": {"unknown": 1}},
        {"optimizer": {"name": "Unknown", "arguments": {"learning_rate": 0.1}}},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_contradicting_contents(saved, changes):
    rewrite(saved, **changes)
    with pytest.raises(ValueError, match=r"net\.npz: cannot be restored"):
        loopbp.load(saved)


def test_a_file_with_objects_is_refused_unread(saved):
    class Trap:
        def __reduce__(self):
            return (os.mkdir, (str(saved.parent / "trap"),))

    np.savez(saved, meta=np.array(Trap(), dtype=object))
    with pytest.raises(ValueError, match="not a loopbp network"):
        loopbp.load(saved)
    assert not (saved.parent / "trap").exists()


def test_no_such_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"net\.npz"):
        loopbp.load(tmp_path / "net.npz")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(OSError, match=str(tmp_path.name)):
        loopbp.load(tmp_path)
    with pytest.raises(OSError, match=str(tmp_path.name)):
        helpers.classifier().save(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert not list(tmp_path.parent.glob(f".{tmp_path.name}*"))


# -- writing --------------------------------------------------------------------------------------


def test_no_such_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="path: no folder"):
        helpers.classifier().save(tmp_path / "missing" / "net.npz")


def test_unwritable_folder(tmp_path, monkeypatch):
    def refuse(**arguments):
        raise PermissionError(13, "Permission denied", str(tmp_path))

    monkeypatch.setattr(storage.tempfile, "mkstemp", refuse)  # root may write anywhere
    with pytest.raises(PermissionError):
        helpers.classifier().save(tmp_path / "net.npz")


@pytest.mark.parametrize(("where", "name"), [(np, "savez"), (os, "fsync"), (os, "replace")])
def test_an_interrupted_write_leaves_the_old_file(saved, monkeypatch, where, name):
    before = saved.read_bytes()

    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(where, name, interrupt)
    with pytest.raises(KeyboardInterrupt):
        helpers.classifier(seed=9).save(saved)
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_metadata_that_json_cannot_hold(tmp_path):
    net = helpers.classifier()
    net.metadata = {"array": np.ones(3)}
    with pytest.raises(ValueError, match="metadata: expected what JSON can hold"):
        net.save(tmp_path / "net.npz")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_file_mode_is_that_of_any_new_file(saved):
    other = saved.parent / "other"
    other.touch()
    assert stat.S_IMODE(saved.stat().st_mode) == stat.S_IMODE(other.stat().st_mode)
