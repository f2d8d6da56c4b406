#!/usr/bin/env bash
# Installs what the tests need and runs them all: ruff, mypy for three systems, pytest.
#   build/test.sh [--all] [--wine] [--no-packages] [pytest arguments …]
#     --all           also chaos, soak and scale
#     --wine          set up Python for Windows under Wine, for its tests (Linux on x86-64; always so in CI)
#     --no-packages   do not install Debian packages; tests that need a missing one are skipped, saying so
# Ends with pytest's own closing line; the exit code is not 0 if anything failed.
set -euo pipefail
cd "$(dirname "$0")/.."
. build/lib.sh

all=no packages=yes wine=${CI:-no}
arguments=()
for argument in "$@"; do
  case $argument in
    -h | --help) sed -n '2,7s/^# *//p' "$0"; exit 0 ;;
    --all) all=yes arguments+=(--all) ;;
    --wine) wine=true ;;
    --no-packages) packages=no ;;
    *) arguments+=("$argument") ;;
  esac
done

# The servers and tools that end-to-end tests run: "command packages", the command looked for as the tests do.
needed_packages() {
  local command package
  while read -r command package; do
    have "$command" || say "$package"
  done <<'LIST'
redis-server redis-server
initdb postgresql
nginx nginx
tmux tmux
vim vim
strace strace
ps procps
Xvfb xvfb
dbus-daemon dbus-daemon
xfce4-panel xfce4-panel adwaita-icon-theme fonts-dejavu-core librsvg2-common python3-gi gir1.2-gtk-3.0
dunst dunst
xterm xterm
tesseract tesseract-ocr
desktop-file-validate desktop-file-utils
dockerd docker.io
busybox busybox-static
curl curl
ip iproute2
LIST
  if [ "$all" = yes ] && ! have podman; then say "podman netavark aardvark-dns"; fi # where the engine's tests run again
}

have() {
  local place
  for place in "/usr/sbin/$1" "/sbin/$1" /usr/lib/postgresql/*/bin/"$1"; do
    if [ -x "$place" ]; then return 0; fi
  done
  command -v "$1" >/dev/null
}

install_packages() {
  local missing
  missing=$(needed_packages | tr '\n' ' ')
  if [ -z "$missing" ]; then
    export ROOST_TEST_PACKAGES=installed
    return 0
  fi
  if [ "$packages" = no ] || ! command -v apt-get >/dev/null || ! may_be_root; then
    say "Not installed, so that their tests will be skipped: $missing"
    return 0
  fi
  # shellcheck disable=SC2086  # package names are words
  if quietly "Installing $missing" apt_install $missing; then
    export ROOST_TEST_PACKAGES=installed # from here a missing one is a failure, not a reason to skip
  elif [ "${CI:-}" = true ]; then
    fail "apt-get could not install: $missing"
  fi
}

# The tests' own container engine, and a registry for it; where they may not be had, their tests are skipped.
set_up_engine() {
  if [ "$packages" = no ] || [ "$(id -u)" != 0 ] || ! command -v dockerd >/dev/null; then return 0; fi
  quietly "Preparing the container engine" build/engine.sh install || [ "${CI:-}" != true ] || fail "no container engine"
}

set_up_wine() {
  if build/wine-python.sh ready 2>/dev/null; then return 0; fi
  if [ "$wine" != true ] || [ "$packages" = no ]; then
    say "No Wine, so that the tests for Windows will be skipped (build/test.sh --wine sets it up)"
  elif [ "$(uname -sm)" != "Linux x86_64" ] || ! command -v apt-get >/dev/null || ! may_be_root; then
    say "No Wine, so that the tests for Windows will be skipped (it needs Debian on x86-64, and root)"
  else
    build/wine-python.sh install || fail "Wine could not be set up"
    export ROOST_TEST_WINE=required
  fi
}

check_types() {
  local system
  for system in linux darwin win32; do
    "$VENV/bin/mypy" --platform "$system" --cache-dir ".mypy_cache/$system" || return 1
  done
}

make_venv
quietly "Installing pip" pip_install 'pip>=25.1' || fail "pip could not be brought up to date"
quietly "Installing Roost and the tests' tools" pip_install . --group dev || fail "pip could not install"
install_packages
set_up_engine
set_up_wine

quietly "ruff check" "$VENV/bin/ruff" check .
quietly "ruff format" "$VENV/bin/ruff" format --check .
quietly "mypy for linux, darwin, win32" check_types

if [ "$all" = yes ]; then say "With --all: this takes long."; fi
# Two at a time; tests marked serial wait until no other runs (tests/conftest.py).
exec "$VENV/bin/pytest" -n 2 ${arguments[@]+"${arguments[@]}"} </dev/null
