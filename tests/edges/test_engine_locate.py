"""Where the engine is, as the `docker` command finds it; each system's places with the system passed in."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from roost.edges.engine.api import EngineError, ErrorKind
from roost.edges.engine.locate import Endpoint, Tls, locate
from roost.platform import engines


def _find(home: Path, usable: tuple[str, ...] = (), **environ: str) -> Endpoint:
    return locate(
        environ, str(home), lambda: ("unix:///first", "unix:///second"), lambda each: each in usable
    )


def _context(home: Path, name: str, host: str, skip: bool = False) -> Path:
    key = hashlib.sha256(name.encode()).hexdigest()
    meta = home / ".docker" / "contexts" / "meta" / key
    meta.mkdir(parents=True)
    endpoint = {"Host": host, "SkipTLSVerify": skip}
    (meta / "meta.json").write_text(json.dumps({"Name": name, "Endpoints": {"docker": endpoint}}))
    return home / ".docker" / "contexts" / "tls" / key / "docker"


def test_the_environment_comes_first(tmp_path: Path) -> None:
    """DOCKER_HOST, then DOCKER_CONTEXT, then the current context, then the usual places."""
    _context(tmp_path, "desktop", "unix:///desktop.sock")
    _context(tmp_path, "colima", "unix:///colima.sock")
    (tmp_path / ".docker" / "config.json").write_text('{"currentContext": "desktop"}')
    host = _find(tmp_path, DOCKER_HOST="tcp://127.0.0.1:2375", DOCKER_CONTEXT="colima")
    assert (host.url, host.origin, host.tls) == ("tcp://127.0.0.1:2375", "DOCKER_HOST", None)
    assert _find(tmp_path, DOCKER_CONTEXT="colima").url == "unix:///colima.sock"
    current = _find(tmp_path)
    assert (current.url, current.origin) == ("unix:///desktop.sock", "context desktop")
    assert current.config_file == str(tmp_path / ".docker" / "config.json")
    assert _find(tmp_path, ("unix:///second",), DOCKER_CONTEXT="default").url == "unix:///second"
    elsewhere = _find(tmp_path / "other", DOCKER_CONFIG=str(tmp_path / ".docker"))
    assert elsewhere.url == "unix:///desktop.sock"


def test_the_usual_places_in_their_order(tmp_path: Path) -> None:
    """The first that may be opened; where there is none, the one that people expect is named."""
    assert _find(tmp_path, ("unix:///first", "unix:///second")).url == "unix:///first"
    assert _find(tmp_path, ("unix:///second",)).url == "unix:///second"
    assert _find(tmp_path) == Endpoint("unix:///first", "the usual place")


def test_tls_of_environment_and_context(tmp_path: Path) -> None:
    """Certificates from DOCKER_CERT_PATH, from ~/.docker, from the context's own folder."""
    certificates = tmp_path / "certs"
    certificates.mkdir()
    for name in ("ca", "cert", "key"):
        (certificates / f"{name}.pem").touch()
    found = _find(
        tmp_path, DOCKER_HOST="tcp://h:2376", DOCKER_TLS_VERIFY="1", DOCKER_CERT_PATH=str(certificates)
    )
    files = [str(certificates / f"{name}.pem") for name in ("ca", "cert", "key")]
    assert found.tls == Tls(*files, verify=True)
    bare = _find(tmp_path, DOCKER_HOST="tcp://h:2376", DOCKER_TLS="1")
    assert bare.tls == Tls(None, None, None, verify=False)
    tls = _context(tmp_path, "remote", "tcp://remote:2376", skip=True)
    tls.mkdir(parents=True)
    (tls / "ca.pem").touch()
    assert _find(tmp_path, DOCKER_CONTEXT="remote").tls == Tls(str(tls / "ca.pem"), None, None, verify=False)


@pytest.mark.parametrize(
    ("config", "meta", "says"),
    [
        ('{"currentContext": "gone"}', None, "'gone', which does not exist; 'docker context ls'"),
        ("{broken", None, "cannot be read"),
        ('{"currentContext": "odd"}', "[]", "has no address"),
        ('{"currentContext": "odd"}', "{broken", "cannot be read"),
        ('{"currentContext": "odd"}', '{"Endpoints": {"docker": {"Host": 5}}}', "has no address"),
    ],
)
def test_what_makes_no_sense_is_said(tmp_path: Path, config: str, meta: str | None, says: str) -> None:
    """P20: a context that is gone, files that are broken: what, where, what to do."""
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker" / "config.json").write_text(config)
    if meta is not None:
        folder = tmp_path / ".docker" / "contexts" / "meta" / hashlib.sha256(b"odd").hexdigest()
        folder.mkdir(parents=True)
        (folder / "meta.json").write_text(meta)
    with pytest.raises(EngineError) as caught:
        _find(tmp_path)
    assert caught.value.kind is ErrorKind.UNAVAILABLE and says in caught.value.message


def test_each_system_has_its_places() -> None:
    """Docker, rootless Docker, Docker Desktop, Colima, OrbStack, Rancher, Podman; pipes on Windows."""
    linux = engines.candidates({"XDG_RUNTIME_DIR": "/run/user/7"}, "/home/me", 7, "linux")
    assert linux[0] == "unix:///var/run/docker.sock"
    assert "unix:///run/user/7/docker.sock" in linux and "unix:///run/user/7/podman/podman.sock" in linux
    assert linux == engines.candidates({}, "/home/me", 7, "linux")
    macos = engines.candidates({}, "/Users/me", 501, "darwin")
    assert macos[0] == "unix:///var/run/docker.sock"
    assert "unix:///Users/me/.docker/run/docker.sock" in macos
    assert "unix:///Users/me/.colima/default/docker.sock" in macos
    assert not any("/run/user" in each for each in macos)
    windows = engines.candidates({}, "C:\\Users\\me", None, "win32")
    assert windows[0] == "npipe:////./pipe/docker_engine"
    assert all(each.startswith("npipe://") for each in windows)


def test_a_socket_is_usable_when_it_may_be_opened(tmp_path: Path) -> None:
    """What is not there is not usable."""
    (tmp_path / "there").touch()
    assert engines.is_usable(f"unix://{tmp_path}/there")
    assert not engines.is_usable(f"unix://{tmp_path}/gone")
