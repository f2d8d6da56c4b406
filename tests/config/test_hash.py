"""A change of the configuration is noticed by its hash (S57), and a reading is repeatable."""

from __future__ import annotations

from pathlib import Path

from roost import config

TEXT = "env_file: [{path: .env, optional: true}]\ncomponents: {a: {run: b, env_file: own.env}}\n"


def test_the_hash_covers_every_file_that_was_read(tmp_path: Path) -> None:
    """roost.yaml, each env file, and the absence of an optional one: a change of any changes the hash."""
    path = tmp_path / "roost.yaml"
    path.write_text(TEXT)
    (tmp_path / "own.env").write_text("A=1\n")
    loaded = config.load(str(path), {})
    assert loaded.project is not None
    assert loaded.project.env_files == loaded.env_files
    assert loaded.env_files == (str(tmp_path / ".env"), str(tmp_path / "own.env"))
    seen = {loaded.project.config_hash}

    def changed() -> bool:
        now = config.hash_of(str(path), loaded.env_files)
        again = config.load(str(path), {}).project
        assert again is not None
        assert now == again.config_hash
        fresh = now not in seen
        seen.add(again.config_hash)
        return fresh

    assert not changed()
    (tmp_path / "own.env").write_text("A=2\n")
    assert changed()
    (tmp_path / ".env").write_text("")
    assert changed()
    path.write_text(TEXT + "# a comment\n")
    assert changed()
    path.write_text(TEXT)
    (tmp_path / ".env").unlink()
    (tmp_path / "own.env").write_text("A=1\n")
    assert not changed()


def test_a_hash_says_how_it_was_made(tmp_path: Path) -> None:
    """The hash begins with the name of its function."""
    path = tmp_path / "roost.yaml"
    path.write_text("components: {a: {run: b}}")
    found = config.hash_of(str(path))
    assert found is not None
    assert found.startswith("sha256:")
    assert len(found) == len("sha256:") + 64


def test_a_given_text_is_read_as_if_it_stood_there(tmp_path: Path) -> None:
    """`text` takes the place of the file, with its env files and the same hash as the file would have."""
    path = tmp_path / "roost.yaml"
    path.write_text("this is: [not it")
    (tmp_path / "own.env").write_text("A=1\n")
    loaded = config.load(str(path), {}, text=TEXT)
    assert loaded == config.load(str(path), {}, text=TEXT.encode())
    assert loaded.content == TEXT.encode()
    path.write_text(TEXT)
    assert loaded.project is not None
    assert loaded.project == config.load(str(path), {}).project


def test_root_and_path_are_real(tmp_path: Path) -> None:
    """The project's folder is its real path, also when it was reached through a link."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "roost.yaml").write_text("components: {a: {run: b, cwd: sub/../.}}")
    loaded = config.load(str(tmp_path / "link" / "roost.yaml"), {})
    assert loaded.project is not None
    assert loaded.project.root == str(tmp_path / "real")
    assert loaded.project.config_path == str(tmp_path / "real" / "roost.yaml")
    assert loaded.project.components["a"].cwd == str(tmp_path / "real")


def test_equal_files_give_equal_digests(tmp_path: Path) -> None:
    """Two readings of one file, with values from variables, give components that need no restart (S55)."""
    path = tmp_path / "roost.yaml"
    path.write_text("components: {a: {run: b, env: {X: '${X}'}, ports: {h: auto}}}")
    first, second = (config.load(str(path), {"X": "1"}).project for _ in range(2))
    other = config.load(str(path), {"X": "2"}).project
    assert first is not None
    assert second is not None
    assert other is not None
    assert first.components["a"].digest() == second.components["a"].digest()
    assert first.components["a"].digest() != other.components["a"].digest()
