#!/usr/bin/env bash
# A Docker engine of the tests' own: private socket, no registry, nothing of it outside its folder but a bridge.
#   build/engine.sh install         the Debian packages (root): engine, busybox for an image, and a registry, which is
#                                   unpacked in .work, not installed
#   build/engine.sh up              start it, wait until it answers; nothing if it runs
#   build/engine.sh image [NAME]    make an image from this machine's busybox (default localtest/busybox:1)
#   build/engine.sh env             the line that points docker and roost to it
#   build/engine.sh registry PORT   a real registry on 127.0.0.1:PORT, in the foreground
#   build/engine.sh has-registry    exit 0 if there is one
#   build/engine.sh down            remove its containers, end it, leave nothing
# Its folder is $ROOST_TEST_ENGINE, or /tmp/roost-test-engine.  A network namespace has room for one engine with a
# bridge: who uses it holds a lock on /tmp/roost-test-engine.lock (tests/support/engine.py does).
# Firewall and forwarding of the machine are left alone: containers reach each other and this machine, not beyond.
set -euo pipefail
cd "$(dirname "$0")/.."
. build/lib.sh

PLACE=${ROOST_TEST_ENGINE:-/tmp/roost-test-engine}
SOCKET=$PLACE/docker.sock
REGISTRY=$PWD/.work/registry
SUBNET=172.29.77.1/24

# ask PATH [CURL OPTION…]: the engine's answer.
ask() { local path=$1; shift; curl -fsS --max-time 30 --unix-socket "$SOCKET" "$@" "http://engine$path"; }

answers() { [ -S "$SOCKET" ] && ask /_ping --max-time 5 >/dev/null 2>&1; }

# Whether the pid on record is this very engine.
is_ours() { [ -n "$1" ] && tr '\0' ' ' <"/proc/$1/cmdline" 2>/dev/null | grep -qF -- "$SOCKET"; }

has_ended() { [ ! -d "/proc/$1" ] || [ "$(cut -d' ' -f3 "/proc/$1/stat" 2>/dev/null)" = Z ]; }

# forget_ended FILE: remove the pid file of one that was killed; until it is reaped an engine would believe in it.
forget_ended() {
  local pid tries
  pid=$(cat "$1" 2>/dev/null || true)
  if [ -z "$pid" ]; then return 0; fi
  for tries in $(seq 50); do # the engine's helper ends a moment after the engine
    if has_ended "$pid"; then rm -f "$1"; return 0; fi
    sleep 0.1
  done
}

has_bridge() { ip link show docker0 >/dev/null 2>&1; }

install() {
  if ! command -v dockerd >/dev/null || ! [ -x /bin/busybox ] || ! command -v curl >/dev/null; then
    apt_install docker.io busybox-static curl
  fi
  if [ -x "$REGISTRY/usr/bin/docker-registry" ]; then return 0; fi
  mkdir -p "$REGISTRY"
  (cd "$REGISTRY" && apt-get -qq download docker-registry && dpkg -x docker-registry_*.deb .)
}

up() {
  if answers; then return 0; fi
  [ ${#SOCKET} -lt 100 ] || fail "the socket's path is too long: $SOCKET; choose a shorter ROOST_TEST_ENGINE"
  if [ ! -d "$PLACE/data" ] && has_bridge; then
    fail "another engine has its bridge docker0 here; end it first, or use a network namespace of your own"
  fi
  mkdir -p "$PLACE/data" "$PLACE/exec"
  if ! grep -qE '^[^ ]+ /sys/fs/cgroup(/memory)? cgroup2? ' /proc/mounts; then
    mkdir -p /sys/fs/cgroup
    mount -t cgroup2 none /sys/fs/cgroup
  fi
  local driver=overlay2
  forget_ended "$PLACE/docker.pid"
  forget_ended "$PLACE/exec/containerd/containerd.pid"
  if [ "$(stat -f -c %T "$PLACE/data")" = overlayfs ]; then driver=vfs; fi
  setsid nohup dockerd --host "unix://$SOCKET" --group root \
    --data-root "$PLACE/data" --exec-root "$PLACE/exec" --pidfile "$PLACE/docker.pid" \
    --storage-driver "$driver" --shutdown-timeout 3 \
    --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false --bip "$SUBNET" \
    >>"$PLACE/dockerd.log" 2>&1 </dev/null &
  local engine=$! tries
  for tries in $(seq 600); do
    if answers; then return 0; fi
    if ! kill -0 "$engine" 2>/dev/null; then break; fi
    sleep 0.1
  done
  tail -n 30 "$PLACE/dockerd.log" >&2
  fail "the engine did not start (after $tries looks)"
}

image() {
  local name=${1:-localtest/busybox:1} root applet
  root=$(mktemp -d)
  mkdir -p "$root"/{bin,etc,tmp,root,www,proc,sys,dev}
  chmod 755 "$root"
  chmod 1777 "$root/tmp"
  cp /bin/busybox "$root/bin/busybox"
  for applet in $(/bin/busybox --list); do
    if [ "$applet" != busybox ]; then ln -s busybox "$root/bin/$applet"; fi
  done
  printf 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/tmp:/bin/sh\n' >"$root/etc/passwd"
  printf 'root:x:0:\napp:x:1000:\n' >"$root/etc/group"
  echo hello >"$root/www/index.html"
  tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$root" -cf - . |
    ask "/images/create?fromSrc=-&repo=${name%:*}&tag=${name##*:}" -X POST \
      -H 'Content-Type: application/x-tar' --data-binary @- >/dev/null
  rm -rf "$root"
}

registry() {
  local port=$1 store=$PLACE/registry
  mkdir -p "$store"
  cat >"$store/config.yml" <<YAML
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $store}}
http: {addr: "127.0.0.1:$port"}
YAML
  exec "$REGISTRY/usr/bin/docker-registry" serve "$store/config.yml"
}

down() {
  local pid container tries
  pid=$(cat "$PLACE/docker.pid" 2>/dev/null || true)
  if is_ours "$pid"; then
    for container in $(ask '/containers/json?all=1' | grep -oE '"Id":"[0-9a-f]{64}"' | cut -d'"' -f4); do
      ask "/containers/$container?force=1&v=1" -X DELETE || true
    done
    kill -TERM "$pid"
    for tries in $(seq 300); do
      if has_ended "$pid"; then break; fi
      if [ "$tries" = 200 ]; then kill -KILL "$pid"; fi
      sleep 0.1
    done
  fi
  # A killed engine leaves the parents of its containers; they name its folder.
  pgrep -f -- "containerd-shim.* $PLACE/exec/" | xargs -r kill -KILL || true
  grep -oE " $PLACE/[^ ]+ " /proc/mounts | sort -r | xargs -r -n1 umount -l || true
  if [ -d "$PLACE/data" ] && has_bridge; then ip link del docker0 || true; fi
  rm -rf "$PLACE"
}

case ${1:-} in
  install | up | down) "$1" ;;
  image | registry) "$@" ;;
  has-registry) [ -x "$REGISTRY/usr/bin/docker-registry" ] ;;
  env) say "export DOCKER_HOST=unix://$SOCKET" ;;
  *) sed -n '2,10s/^# *//p' "$0"; exit 2 ;;
esac
