#!/usr/bin/env bash
# From a fresh machine to a running project: makes .venv in this checkout, installs Roost into it, runs the demo.
#   build/try.sh [DIR]     DIR: where the demo project goes (default: .work/demo in this checkout)
# Run it as often as you like.  Needs Python 3.11 or newer; nothing outside the checkout is changed, except
# that as root on Debian or Ubuntu a missing python3-venv is installed.
set -euo pipefail
called_from=$PWD
cd "$(dirname "$0")/.."
. build/lib.sh

case ${1:-} in
  -h | --help) sed -n '2,5s/^# *//p' "$0"; exit 0 ;;
  '') demo=.work/demo ;;
  /*) demo=$1 ;;
  *) demo=$called_from/$1 ;;
esac

make_venv
quietly "Installing Roost into $VENV" pip_install . || fail "pip could not install Roost"
roost=$VENV/bin/roost
mkdir -p "$(dirname "$demo")"

say
"$roost" demo "$demo" </dev/null

say
say "The command is $PWD/$roost. To call it just \`roost\` in this shell:"
say "  export PATH=\"$PWD/$VENV/bin:\$PATH\""
