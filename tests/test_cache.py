"""Compiled code on disk: what its key sees, what is trusted, and what goes."""

import compileall
import errno
import json
import logging
import os
import shutil
import stat
import time
from pathlib import Path

import numba
import pytest
from cases import helpers
from cases.helpers import needs_jit
from numba import config

import loopbp
from loopbp.cli import main
from loopbp.jit import files as cache

PACKAGE = Path(loopbp.__file__).parent
DAY = 86_400
posix = pytest.mark.skipif(not hasattr(os, "getuid"), reason="Windows has no such modes")

# Three functions, of which one calls another; what they compute, and how many had to be compiled.
_RUN = """
import sys
sys.path[:0] = {path!r}
import numpy as np
from loopbp.random import streams as rng
order, z = np.empty(9, np.int64), np.ones((3, 4))
rng.shuffle(order, np.uint64(1))
rng.dropout(z, np.uint64(3), 0.5, 0)
found = [function.stats.cache_misses for function in (rng.shuffle, rng.dropout)]
print(order.tolist(), int(z.sum()), sum(sum(misses.values()) for misses in found))
"""


def run(*path: Path, **environment: str) -> tuple[str, int]:
    """What a process computes, and how many functions it compiled."""
    said = helpers.run_python(
        _RUN.format(path=[str(folder) for folder in path]),
        PYTHONDONTWRITEBYTECODE="1",  # Python's own files go by time and size
        **environment,
    )
    computed, _, compiled = said.rpartition(" ")
    return computed, int(compiled)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The folder of this stamp in a new cache that this process uses."""
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "own"))
    monkeypatch.setattr(cache, "_TROUBLE", {})
    monkeypatch.setattr(cache, "_TOLD", set())
    return cache.root() / cache.stamp()


# -- what is kept, and for whom -------------------------------------------------------------------


@needs_jit
def test_nothing_is_written_into_the_package_and_equal_sources_share_the_cache(tmp_path):
    copies = [tmp_path / name for name in ("one", "two")]
    for copy in copies:
        shutil.copytree(PACKAGE, copy / "loopbp", ignore=shutil.ignore_patterns("__pycache__"))
    before = {path for path in copies[0].rglob("*")}
    home = {"XDG_CACHE_HOME": str(tmp_path / "home"), "LOCALAPPDATA": str(tmp_path / "home"),
            "HOME": str(tmp_path / "home"), "NUMBA_CACHE_DIR": ""}  # fmt: skip
    computed, compiled = run(copies[0], **home)
    assert compiled > 0, "the count counts"
    assert {path for path in copies[0].rglob("*")} == before
    assert len([*(tmp_path / "home").rglob("*.nbc")]) > 1
    assert run(copies[1], **home) == (computed, 0)
    # Same size and time, another stream of random numbers.
    source = copies[1] / "loopbp" / "random" / "streams.py"
    status, text = source.stat(), source.read_text(encoding="utf-8")
    assert text.count("0x9E3779B97F4A7C15") > 0
    source.write_text(text.replace("0x9E3779B97F4A7C15", "0x9E3779B97F4A7C17"), encoding="utf-8")
    os.utime(source, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert source.stat().st_size == status.st_size
    other, compiled = run(copies[1], **home)
    assert other != computed
    assert compiled > 0


@pytest.mark.parametrize("module", [numba, cache.llvmlite, cache.np])
def test_versions_are_part_of_the_key(module, monkeypatch):
    before = cache.stamp()
    monkeypatch.setattr(module, "__version__", "0.0")
    assert cache.stamp.__wrapped__() != before


def test_python_switches_and_every_source_are_part_of_the_key(monkeypatch):
    known = dict(cache.sources())
    stamps = [cache.stamp()]
    for owner, name, value in (
        (cache.sys, "version", "4.0"),
        (config, "BOUNDSCHECK", 1 - int(bool(config.BOUNDSCHECK))),  # type: ignore[attr-defined]
        (config, "SLP_VECTORIZE", "otherwise"),
        (cache, "sources", lambda: [*known.items()][1:]),
        (cache, "sources", (known | {"loops.py": known["loops.py"] + b"\n"}).items),
        (cache, "sources", (known | {"new.py": b""}).items),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, value)
            stamps.append(cache.stamp.__wrapped__())
    assert len(set(stamps)) == 7
    assert cache.stamp.__wrapped__() == stamps[0]


@needs_jit
def test_a_zip_and_bytecode_alone_run_and_are_kept(tmp_path):
    environment = {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    shutil.copytree(PACKAGE, tmp_path / "at" / "loopbp",
                    ignore=shutil.ignore_patterns("__pycache__"))  # fmt: skip
    archive = shutil.make_archive(str(tmp_path / "loopbp"), "zip", tmp_path / "at")
    expected = run(tmp_path / "at", **environment)
    assert expected[1] > 0
    assert run(Path(archive), **environment) == (expected[0], 0)
    assert compileall.compile_dir(tmp_path / "at", quiet=1, legacy=True)
    for source in (tmp_path / "at").rglob("*.py"):
        source.unlink()
    assert run(tmp_path / "at", **environment) == expected, "other contents, so another stamp"
    assert run(tmp_path / "at", **environment) == (expected[0], 0)


@needs_jit
def test_a_function_of_a_person_that_numba_keeps_is_compiled_anew_after_an_edit(tmp_path):
    """It calls ours by symbols that are there no longer."""
    shutil.copytree(PACKAGE, tmp_path / "loopbp", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "own.py").write_text("""
import numpy as np
from numba import njit
from loopbp.random import streams as rng
@njit(cache=True)
def first(seed):
    order = np.empty(99, np.int64)
    rng.shuffle(order, seed)
    return order[0]
print(first(np.uint64(1)), sum(first.stats.cache_misses.values()))
""")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import own"
    environment = {
        "NUMBA_CACHE_DIR": str(tmp_path / "cache"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    computed = helpers.run_python(code, **environment).split()[0]
    assert helpers.run_python(code, **environment) == f"{computed} 0"
    source = tmp_path / "loopbp" / "random" / "streams.py"
    text = source.read_text(encoding="utf-8").replace("0x9E3779B97F4A7C15", "0x9E3779B97F4A7C17")
    source.write_text(text, encoding="utf-8")
    other, missed = helpers.run_python(code, **environment).split()
    assert (other != computed, missed) == (True, "1")


# -- what is trusted ------------------------------------------------------------------------------


def damage(files: list[Path], how: str) -> None:
    """Every file of a cache, in one of four ways."""
    contents = [file.read_bytes() for file in files]
    for k, (file, content) in enumerate(zip(files, contents, strict=True)):
        changed = bytearray(content)
        if how == "bit":
            changed[len(content) // 2] ^= 1
        elif how == "cut":
            del changed[-100:]
        elif how == "empty":
            changed.clear()
        else:
            changed[:] = contents[k - 1]
        file.write_bytes(changed)


@needs_jit
@pytest.mark.parametrize("how", ["bit", "cut", "empty", "swapped"])
def test_damaged_files_are_compiled_anew_and_written_again(how, tmp_path):
    environment = {"NUMBA_CACHE_DIR": str(tmp_path)}
    expected = run(**environment)
    files = sorted(tmp_path.rglob("*.nbc"))
    assert len(files) > 1
    damage(files, how)
    assert run(**environment) == expected
    assert run(**environment) == (expected[0], 0)


def test_two_hundred_damages_are_noticed(folder):
    contents = {cache.file_of(name, "key"): os.urandom(300) for name in "abc"}
    for file, payload in contents.items():
        assert cache.write(file, payload)
        assert cache.read(file) == payload
    rng = cache.np.random.default_rng(0)
    files = [*contents]
    for n in range(200):
        file = files[n % 3]
        whole = file.read_bytes()
        changed = bytearray(whole)
        if n % 4 == 0:
            del changed[int(rng.integers(len(whole))) :]
        elif n % 4 == 1:
            changed[:] = files[(n + 1) % 3].read_bytes()
        else:
            changed[int(rng.integers(len(whole)))] ^= 1 << int(rng.integers(8))
        file.write_bytes(changed)
        assert cache.read(file) is None
        file.write_bytes(whole)
    assert all(cache.read(file) == payload for file, payload in contents.items())
    copied = folder.parent / ("0" * 16) / files[0].name  # of another stamp
    copied.parent.mkdir(mode=0o700)
    shutil.copy(files[0], copied)
    assert cache.read(copied) is None


def test_a_function_or_key_of_another_name_has_another_file():
    files = {cache.file_of(name, key) for name in ("loopbp.a", "loopbp.b") for key in ("x", "y")}
    assert len(files) == 4
    assert len(cache.file_of("loopbp.a.<locals>." + "b" * 300, "x").name) < 140


@posix
def test_folders_are_for_their_owner_alone(folder):
    old = os.umask(0)
    try:
        assert cache.write(cache.file_of("a", "x"), b"code")
    finally:
        os.umask(old)
    assert {stat.S_IMODE(each.stat().st_mode) for each in (folder, folder.parent)} == {0o700}
    assert stat.S_IMODE(cache.file_of("a", "x").stat().st_mode) == 0o600


@posix
@pytest.mark.parametrize("which", ["root", "stamp"])
@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda patch, path: path.chmod(0o720), "others can write to"),
        (lambda patch, path: path.chmod(0o702), "others can write to"),
        (lambda patch, path: patch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1),
         "belongs to another user"),
    ],
)  # fmt: skip
def test_what_others_could_have_written_is_not_loaded(
    folder, which, spoil, why, monkeypatch, caplog
):
    file = cache.file_of("a", "x")
    assert cache.write(file, b"code")
    spoil(monkeypatch, folder if which == "stamp" else folder.parent)
    cache._TROUBLE.clear()  # as in a new process
    with caplog.at_level(logging.WARNING, "loopbp"):
        assert cache.read(file) is None
        assert not cache.write(file, b"other")
        assert not cache.write(cache.file_of("b", "x"), b"other")
    (message,) = caplog.messages
    assert why in message
    assert "\n" not in message
    assert "NUMBA_CACHE_DIR" in message


@needs_jit
def test_where_nothing_can_be_written_one_line_says_so_and_all_runs(tmp_path):
    (tmp_path / "file").write_text("")
    done = helpers.finished(_RUN.format(path=[]), NUMBA_CACHE_DIR=str(tmp_path / "file"))
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert line.startswith("loopbp: compiled code is not kept on disk")
    assert done.stdout.split() != []


@pytest.mark.parametrize("refused", ["mkdir", "mkstemp"])
def test_a_full_or_closed_disk_is_told_once(refused, folder, monkeypatch, caplog):
    def refuse(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    owner = cache.tempfile if refused == "mkstemp" else Path
    with monkeypatch.context() as patch:
        patch.setattr(owner, refused, refuse)
        assert not cache.write(cache.file_of("a", "x"), b"code")
        assert not cache.write(cache.file_of("b", "x"), b"code")
    assert ["No space left" in message for message in caplog.messages] == [True]


def test_without_a_home_no_folder_is_made_where_the_program_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cache, "_TROUBLE", {})
    assert "no home folder" in cache.trouble(Path("~/.cache/loopbp") / cache.stamp())
    assert [*tmp_path.iterdir()] == []


def unused_for(path: Path, days: int) -> None:
    then = time.time() - days * DAY
    os.utime(path, (then, then))


# -- what goes ------------------------------------------------------------------------------------


def stamps_of_before(folder: Path) -> dict[str, Path]:
    """Files of two other stamps and of this one, 100 bytes each and more."""
    found = {}
    for name, days in (("0" * 16, 40), ("1" * 16, 20), (folder.name, 0)):
        file = folder.parent / name / "f.0.nbc"
        file.parent.mkdir(mode=0o700, parents=True)
        file.write_bytes(bytes(100))
        unused_for(file.parent, days)
        found[name[0] if days else "present"] = file
    (folder.parent / "of somebody").mkdir()
    return found


@pytest.mark.parametrize(
    ("limits", "left"),
    [
        ({}, {"1", "present"}),
        ({"kept_days": 10}, {"present"}),
        ({"kept_days": 99}, {"0", "1", "present"}),
        ({"kept_days": 99, "kept_bytes": 250}, {"1", "present"}),
        ({"kept_days": 99, "kept_bytes": 150}, {"present"}),
        ({"kept_days": 99, "kept_bytes": 50}, set()),
    ],
)
def test_old_stamps_and_too_many_bytes_go(limits, left, folder):
    files = stamps_of_before(folder)
    cache.prune(**limits)
    assert {name for name, file in files.items() if file.exists()} == left
    assert (folder.parent / "of somebody").is_dir()


def test_old_stamps_go_by_themselves_once_a_day(folder):
    files = stamps_of_before(folder)
    temporary = folder / "f.0.nbc.killed.tmp"
    temporary.write_bytes(b"half")
    unused_for(temporary, 2)
    assert cache.write(cache.file_of("a", "x"), b"code")
    assert not files["0"].exists()
    assert not temporary.exists()
    assert files["1"].exists()
    unused_for(files["1"].parent, 40)
    cache._TROUBLE.clear()
    assert cache.write(cache.file_of("b", "x"), b"code")
    assert files["1"].exists(), "not twice a day"
    unused_for(folder.parent / "pruned", 2)
    cache._TROUBLE.clear()
    assert cache.read(cache.file_of("b", "x")) == b"code"
    assert not files["1"].exists()


def test_a_stamp_in_use_stays_young(folder):
    assert cache.write(cache.file_of("a", "x"), b"code")
    unused_for(folder, 20)
    cache._TROUBLE.clear()
    assert cache.read(cache.file_of("a", "x")) == b"code"
    assert time.time() - folder.stat().st_mtime < DAY


def test_the_command_shows_and_clears(folder, capsys):
    stamps_of_before(folder)
    assert cache.write(cache.file_of("a", "x"), b"code")
    files, size = cache.size()
    assert main(["info", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["cache_folder"], facts["cache_off"]) == (str(folder.parent), None)
    assert facts["cache_files"] >= files >= 3
    assert main(["cache"]) == 0
    said = capsys.readouterr().out
    assert str(folder.parent) in said
    assert "MB" in said
    files, size = cache.size()
    assert main(["cache", "--clear", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["removed_files"], facts["removed_bytes"]) == (files, size)
    assert [path.name for path in folder.parent.iterdir()] == ["of somebody"]
    assert main(["cache", "--clear"]) == 0
    assert "removed 0 files" in capsys.readouterr().out
    assert cache.write(cache.file_of("a", "x"), b"code"), "and goes on"


def test_info_says_that_the_cache_is_off(folder, monkeypatch, capsys):
    monkeypatch.setenv("LOOPBP_CACHE", "0")
    assert main(["cache", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cache_off"] == "LOOPBP_CACHE=0"
