# What build/try.sh and build/test.sh share: find a Python, make .venv, install, ask for Debian packages.
# Sourced, never run; works with bash 3.2 (macOS) and leaves nothing outside the checkout but packages.

VENV=.venv
MINIMUM_MINOR=11

say() { printf '%s\n' "$*"; }

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# quietly TEXT COMMAND…: one line of progress; the command's output only if it fails.
quietly() {
  local text=$1 output begun=$SECONDS
  shift
  printf '%s … ' "$text"
  if output=$("$@" </dev/null 2>&1); then
    printf 'done (%s s)\n' "$((SECONDS - begun))"
  else
    local code=$?
    printf 'failed (exit %s)\n%s\n' "$code" "$output" >&2
    return "$code"
  fi
}

# -- Python ---------------------------------------------------------------------------------------------

is_new_enough() { "$1" -c "import sys; sys.exit(sys.version_info < (3, $MINIMUM_MINOR))" >/dev/null 2>&1; }

can_make_venv() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }

# find_python CHECK: the first new enough Python that also passes CHECK.
find_python() {
  local candidate
  for candidate in ${ROOST_PYTHON:-} python3.13 python3.12 python3.11 python3 python /usr/bin/python3; do
    if is_new_enough "$candidate" && "$1" "$candidate"; then
      command -v "$candidate"
      return 0
    fi
  done
  return 1
}

any_python() { true; }

# choose_python: sets PYTHON; as root on Debian or Ubuntu it installs what is missing there.
choose_python() {
  if PYTHON=$(find_python can_make_venv); then return 0; fi
  local found
  found=$(find_python any_python || true)
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    quietly "Installing python3-venv" apt_install python3 python3-venv || fail "apt-get could not install python3-venv"
    if PYTHON=$(find_python can_make_venv); then return 0; fi
  fi
  if [ -z "$found" ]; then
    fail "Roost needs Python 3.$MINIMUM_MINOR or newer, and none was found.
  Install one (Debian, Ubuntu: sudo apt-get install python3 python3-venv; macOS: brew install python),
  or name it: ROOST_PYTHON=/path/to/python3 $0"
  fi
  fail "$found cannot make a virtual environment: its ensurepip module is missing.
  Debian and Ubuntu keep it in a package of its own; run this, then try again:
    sudo apt-get update && sudo apt-get install -y python3-venv"
}

# make_venv: .venv of this checkout; one that works is kept, one that does not is made anew.
make_venv() {
  if [ -x "$VENV/bin/python" ] && is_new_enough "$VENV/bin/python" && "$VENV/bin/python" -m pip --version >/dev/null 2>&1; then
    return 0
  fi
  choose_python
  quietly "Making $VENV with $("$PYTHON" --version)" "$PYTHON" -m venv --clear "$VENV" || fail "no virtual environment"
}

pip_install() { "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }

# -- Debian packages ------------------------------------------------------------------------------------

# as_root COMMAND…: as it is for root, else by sudo where that asks no question.
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

may_be_root() { [ "$(id -u)" = 0 ] || sudo -n true >/dev/null 2>&1; }

# apt_get ARGUMENT…: apt-get, which waits while another is at work.  Its own waiting covers dpkg's lock, but neither
# that of the lists nor that of what was fetched, so it is asked again.
apt_get() {
  local give_up=$((SECONDS + 300)) options="-qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3" output code
  while true; do
    code=0
    # shellcheck disable=SC2086  # the options are words
    output=$(as_root env LC_ALL=C DEBIAN_FRONTEND=noninteractive apt-get $options "$@" 2>&1) || code=$?
    case "$code $output" in *"Could not get lock"*) if [ "$SECONDS" -lt "$give_up" ]; then sleep 2; continue; fi ;; esac
    printf '%s\n' "$output"
    return "$code"
  done
}

# apt_install PACKAGE…: servers that come along are not started.
apt_install() {
  local policy=/usr/sbin/policy-rc.d mine=""
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null && as_root chmod 755 "$policy" && mine=yes
  fi
  local code=0
  apt_get update || say "The lists of packages are not all up to date; going on with what is there."
  apt_get install -y --no-install-recommends "$@" || code=$?
  if [ -n "$mine" ]; then as_root rm -f "$policy"; fi
  return "$code"
}
