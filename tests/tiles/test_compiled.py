"""Kernels are loaded all at once, and compiled by another process while a city is built."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import shancheng.tiles.engines
from shancheng.progress import NullProgress
from shancheng.tiles import compiled


def test_every_compiled_module_is_loaded() -> None:
    folder = Path(shancheng.tiles.engines.__file__).parent
    compiled.load_kernels(NullProgress())
    found = {path.stem for path in folder.glob("*parallel.py")}
    assert found
    assert {f"shancheng.tiles.engines.{name}" for name in found} <= set(sys.modules)


def test_a_process_compiles_meanwhile_and_is_gone_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []
    real = subprocess.Popen

    def start(command: list[str], **options: Any) -> Any:
        started.append(real([sys.executable, "-c", "pass"], **options))
        assert command[1:] == ["-m", "shancheng.tiles.compiled"]
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", start)
    with compiled.compiling(NullProgress()):
        assert len(started) == 1
    assert started[0].returncode == 0


def test_without_a_second_process_the_work_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError("no more processes")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    done = []
    with compiled.compiling(NullProgress()):
        done.append(True)
    assert done == [True]
