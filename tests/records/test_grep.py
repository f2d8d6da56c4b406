"""Patterns that may take for ever are tried in a process that ends (P12: never the daemon's time)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from records.model_keeper import ModelKeeper
from roost.platform.programs import grep_argv
from roost.records import grep
from roost.records.cursor import BadCursor
from roost.records.follow import Follower
from roost.records.grep import GrepFollower, GrepTimeout, Question, answer, follower
from roost.records.logs import query
from roost.records.patterns import BadPattern, is_harmless, is_plain

ENDLESS = "(a+)+b"


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process of its own must find this checkout, as it would find an installed one."""
    monkeypatch.setenv("PYTHONPATH", str(Path(grep.__file__).parents[2]))


@pytest.fixture
def keeper(tmp_path: Path) -> ModelKeeper:
    keeper = ModelKeeper(tmp_path, "api")
    for number in range(300):
        keeper.line(f"request {number} took {number * 7} ms")
    return keeper


@pytest.mark.parametrize(
    ("pattern", "plain", "harmless"),
    [
        ("connection refused", True, True),
        ("GET /x", True, True),
        ("error|warn", False, True),
        ("^\\[api\\].$", False, True),
        ("a*", False, False),
        ("(a|a)(a|a)", False, False),
        ("a{3}", False, False),
    ],
)
def test_what_may_run_in_this_process(pattern: str, plain: bool, harmless: bool) -> None:
    """Only expressions without repetition and groups are answered without a process of their own."""
    assert (is_plain(pattern), is_harmless(pattern)) == (plain, harmless)


def test_a_process_of_its_own_answers_the_same(tmp_path: Path, keeper: ModelKeeper) -> None:
    """The answer with a helper is the answer without, cursor included."""
    question = Question(str(tmp_path), ["api"], grep="took [0-9]+00 ms", lines=3)
    page = answer(question)
    assert page == query(**question._asdict())
    assert len(page.entries) == 2
    keeper.line("then took 900 ms")
    again = answer(question._replace(cursor=page.cursor))
    assert [entry.text for entry in again.entries] == ["then took 900 ms"]


def test_a_simple_pattern_starts_no_process(
    tmp_path: Path, keeper: ModelKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Texts and expressions without repetition are answered here."""
    monkeypatch.setattr(subprocess, "Popen", None)
    assert len(answer(Question(str(tmp_path), ["api"], grep="request 7. ")).entries) == 10
    assert isinstance(follower(Question(str(tmp_path), ["api"], grep="request")), Follower)


def test_an_endless_pattern_ends(tmp_path: Path, keeper: ModelKeeper) -> None:
    """A catastrophic pattern costs its deadline and an error that says what to do; its process is gone."""
    keeper.line("a" * 60)
    with pytest.raises(GrepTimeout, match="simpler"):
        answer(Question(str(tmp_path), ["api"], grep=ENDLESS), deadline=0.5)


def test_an_endless_pattern_ends_without_anybody_waiting(tmp_path: Path, keeper: ModelKeeper) -> None:
    """The process ends itself at its deadline, even if the daemon that started it was killed."""
    keeper.line("a" * 60)
    request = {"ask": "query", "question": Question(str(tmp_path), ["api"], grep=ENDLESS)._asdict()}
    process = subprocess.Popen(grep_argv(0.5), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert process.stdin is not None
    process.stdin.write(json.dumps(request).encode() + b"\n")
    process.stdin.flush()
    assert process.wait(timeout=120) != 0
    process.stdin.close()


def test_a_process_without_questions_ends() -> None:
    """When the one who asks has gone, the process ends with its input."""
    done = subprocess.run(grep_argv(60), stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_following_with_a_pattern(tmp_path: Path, keeper: ModelKeeper) -> None:
    """A follower in a process of its own gives what one in this process would, and can be resumed."""
    question = Question(str(tmp_path), ["api"], grep="took [0-9]+ s", lines=5)
    following = follower(question)
    assert isinstance(following, GrepFollower)
    try:
        assert following.poll(0.0) == []
        keeper.line("it took 8 s")
        keeper.line("it did not")
        assert [entry.text for entry in following.poll(0.0, grown=["api"])] == ["it took 8 s"]
        cursor = following.cursor()
    finally:
        following.close()
    keeper.line("it took 9 s")
    assert [entry.text for entry in answer(question._replace(cursor=cursor)).entries] == ["it took 9 s"]


def test_an_endless_pattern_ends_a_follower(tmp_path: Path, keeper: ModelKeeper) -> None:
    """The line that takes for ever ends the following with an error."""
    following = follower(Question(str(tmp_path), ["api"], grep=ENDLESS), deadline=3.0)
    assert isinstance(following, GrepFollower)
    try:
        assert following.poll(0.0) == []
        keeper.line("a" * 60)
        with pytest.raises(GrepTimeout):
            following.poll(0.0)
        with pytest.raises(GrepTimeout):
            following.poll(0.0)
    finally:
        following.close()


def test_mistakes_are_told_as_without_a_helper(tmp_path: Path) -> None:
    """A bad pattern and a bad cursor are the same errors from both."""
    with pytest.raises(BadPattern):
        answer(Question(str(tmp_path), ["api"], grep="(a+"))
    with pytest.raises(BadCursor):
        answer(Question(str(tmp_path), ["api"], grep="a+", cursor="nonsense"))
    with pytest.raises(BadCursor):
        follower(Question(str(tmp_path), ["api"], grep="a+", cursor="nonsense"))


def test_the_program_of_the_helper_is_this_module() -> None:
    """Its command line names the module and the deadline in seconds, and no folder of the project."""
    assert grep_argv(5.0)[1:] == ["-P", "-m", "roost.records.grep", "5"]
    assert Path(grep_argv(5.0)[0]).is_absolute()
