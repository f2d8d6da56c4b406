#!/usr/bin/env bash
# CPython for Windows under Wine, for the tests marked `wine` (Debian or Ubuntu on x86-64).
#   build/wine-python.sh install         set it up, with what Roost needs (a minute); nothing if it is there
#   build/wine-python.sh pip WHEEL…      add packages that have wheels for Windows
#   build/wine-python.sh run ARGUMENT…   run it; its exit code is kept
#   build/wine-python.sh ready           exit 0 if it is set up, else say what to do
# It is kept in .work/winpy, or in $ROOST_WINPY.
#
# The interpreter itself (python3XX.dll and the extension modules) is the official build, which the wheel of
# panda3d carries along to freeze games; python.exe and python3.dll, which it lacks, are small stand-ins compiled
# here; Lib is that of this machine's Python of the same version.  Wine is not Windows: a green run is evidence,
# no proof.
set -euo pipefail
cd "$(dirname "$0")/.."
. build/lib.sh

PLACE=${ROOST_WINPY:-$PWD/.work/winpy}
SOURCE=panda3d==1.10.16
MACHINE=x86_64-w64-mingw32
export WINEPREFIX=$PLACE/prefix WINEDEBUG=${WINEDEBUG:--all} WINEDLLOVERRIDES='mscoree,mshtml=' LC_ALL=C.UTF-8

# A Python of this machine whose version the wheel exists for.
is_source() { "$1" -c 'import sys, pip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1; }

host_python() {
  if [ -x "$VENV/bin/python" ] && is_source "$VENV/bin/python"; then
    printf '%s\n' "$VENV/bin/python"
  else
    find_python is_source || fail "needs a Python 3.11, 3.12 or 3.13 with pip on this machine"
  fi
}

install() {
  if is_ready; then return 0; fi
  [ "$(uname -sm)" = "Linux x86_64" ] || fail "Wine's Python is for Linux on x86-64"
  install_tools
  HOST=$(host_python)
  MINOR=$("$HOST" -c 'import sys; print(sys.version_info[1])')
  rm -rf "$PLACE"
  mkdir -p "$PLACE/parts" "$PLACE/python/DLLs" "$PLACE/python/Lib/site-packages"
  quietly "Fetching the interpreter's libraries" fetch_libraries || fail "pip could not fetch $SOURCE"
  quietly "Laying out Python 3.$MINOR for Windows" lay_out || fail "the interpreter could not be put together"
  quietly "Making Wine's folder" make_prefix || fail "Wine does not start"
  quietly "Trying it" run -c "$TRIAL" || fail "Python for Windows does not run under Wine"
  mapfile -t needed < <("$HOST" -c "$DEPENDENCIES")
  quietly "Adding what Roost needs" add_packages "${needed[@]}" || fail "pip could not fetch wheels for Windows"
  touch "$PLACE/ready"
}

TRIAL='import ctypes, msvcrt, sys, _overlapped, _winapi; assert sys.platform == "win32", sys.platform'

DEPENDENCIES='import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"], sep="\n")'

install_tools() {
  local missing=""
  command -v wine >/dev/null || missing="wine wine64"
  command -v $MACHINE-gcc >/dev/null || missing="$missing gcc-mingw-w64-x86-64"
  command -v unzip >/dev/null || missing="$missing unzip"
  if [ -z "$missing" ]; then return 0; fi
  command -v apt-get >/dev/null && may_be_root || fail "not installed: $missing"
  # shellcheck disable=SC2086  # package names are words
  quietly "Installing $missing" apt_install $missing || fail "apt-get could not install: $missing"
}

fetch_libraries() {
  "$HOST" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --platform win_amd64 \
    --python-version "3.$MINOR" --implementation cp --dest "$PLACE/parts" "$SOURCE" &&
    unzip -q -o "$PLACE"/parts/panda3d-*.whl 'deploy_libs/*' -d "$PLACE/parts"
}

lay_out() {
  local libraries=$PLACE/parts/deploy_libs python=$PLACE/python each
  for each in "$libraries"/*; do
    case $(basename "$each" | tr '[:upper:]' '[:lower:]') in
      python3*.dll) cp "$each" "$python/$(basename "$each" | tr '[:upper:]' '[:lower:]')" ;;
      vcruntime140.dll) cp "$each" "$python/vcruntime140.dll" ;;
      vcruntime140_1.dll) cp "$each" "$python/vcruntime140_1.dll" ;;
      *.pyd | libcrypto*.dll | libssl*.dll | libffi*.dll | sqlite3.dll) cp "$each" "$python/DLLs/" ;;
    esac
  done
  copy_lib "$python/Lib"
  compile_programs "$python"
}

copy_lib() {
  local from
  from=$("$HOST" -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
  tar -C "$from" -cf - --exclude=site-packages --exclude=dist-packages --exclude=lib-dynload --exclude=test \
    --exclude=__pycache__ --exclude='config-*' . | tar -C "$1" -xf -
}

# python.exe hands its arguments to the library; python3.dll passes the stable interface on to it.
compile_programs() {
  local library=$1/python3$MINOR.dll parts=$PLACE/parts
  cat >"$parts/python.c" <<'C'
#include <wchar.h>
__declspec(dllimport) int Py_Main(int count, wchar_t **arguments);
int wmain(int count, wchar_t **arguments) { return Py_Main(count, arguments); }
C
  printf 'int __stdcall begin(void *a, unsigned b, void *c) { return 1; }\n' >"$parts/stable.c"
  {
    printf 'LIBRARY python3.dll\nEXPORTS\n'
    $MACHINE-objdump -p "$library" |
      sed -n "/\[Ordinal\/Name Pointer\]/,/^\$/s/.* \(_\{0,1\}Py[A-Za-z0-9_]*\)\$/  \1 = python3$MINOR.\1/p"
  } >"$parts/python3.def"
  $MACHINE-gcc -O1 -municode -o "$1/python.exe" "$parts/python.c" "$library" &&
    $MACHINE-gcc -shared -nostdlib -Wl,-e,begin -o "$1/python3.dll" "$parts/stable.c" "$parts/python3.def"
}

make_prefix() {
  # Through pipes and without input: what Wine leaves in the background must not hold our terminal.
  wineboot --init </dev/null 2>&1 | cat
  wine winecfg -v win10 </dev/null 2>&1 | cat
}

is_ready() { [ -e "$PLACE/ready" ] && command -v wine >/dev/null; }

# Output goes through pipes: the interpreter fails at its start where Wine meets a plain file there.
run() {
  local code=0 output errors
  if [ -t 0 ] || [ -f /dev/stdin ]; then exec </dev/null; fi
  exec 3> >(exec cat)
  output=$!
  exec 4> >(exec cat >&2)
  errors=$!
  wine "$PLACE/python/python.exe" "$@" >&3 2>&4 3>&- 4>&- || code=$?
  exec 3>&- 4>&-
  finish "$output" "$errors"
  return "$code"
}

# Wait for both to have passed everything on.  Wine hands its own output on even to processes that Windows would
# detach; where one of those holds the pipe, its end never comes, and what was written is through after a second.
finish() {
  local pid tries=20
  for pid in "$@"; do
    while kill -0 "$pid" 2>/dev/null && ((tries-- > 0)); do sleep 0.05; done
    kill "$pid" 2>/dev/null || true
  done
}

# pip of this machine, which is told that it is on Windows, so that it takes the right dependencies.
add_packages() {
  local host minor
  host=$(host_python)
  minor=$("$host" -c 'import sys; print(sys.version_info[1])')
  "$host" - install --quiet --disable-pip-version-check --only-binary=:all: --platform win_amd64 --implementation cp \
    --python-version "3.$minor" --upgrade --target "$PLACE/python/Lib/site-packages" "$@" <<'PYTHON'
import sys

from pip._internal.cli.main import main
from pip._vendor.packaging import markers

ours = markers.default_environment
windows = {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt", "platform_machine": "AMD64"}
markers.default_environment = lambda: {**ours(), **windows}
sys.exit(main(sys.argv[1:]))
PYTHON
}

verb=${1:-help}
shift || true
case $verb in
  install) install ;;
  pip) is_ready || fail "first: build/wine-python.sh install" && add_packages "$@" ;;
  run) is_ready || fail "first: build/wine-python.sh install" && run "$@" ;;
  ready) is_ready || fail "first: build/wine-python.sh install" ;;
  -h | --help | help) sed -n '2,7s/^# *//p' "$0" ;;
  *) sed -n '2,7s/^# *//p' "$0" >&2; exit 2 ;;
esac
