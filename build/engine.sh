#!/usr/bin/env bash
# A container engine of the tests' own: private socket, no registry, nothing of it outside its folder but a bridge.
#   build/engine.sh install         the Debian packages (root): engine, busybox for an image, and a registry, which is
#                                   unpacked in .work, not installed
#   build/engine.sh up              start it, wait until it answers; nothing if it runs
#   build/engine.sh image [NAME]    make an image from this machine's busybox (default localtest/busybox:1)
#   build/engine.sh env             the line that points docker and roost to it
#   build/engine.sh registry PORT   a real registry on 127.0.0.1:PORT, in the foreground
#   build/engine.sh has-registry    exit 0 if there is one
#   build/engine.sh down            remove its containers, end it, leave nothing
# It is Docker, or with ROOST_TEST_ENGINE_KIND=podman Podman (18 MB of packages beside Docker's).
# Its folder is $ROOST_TEST_ENGINE, or /tmp/roost-test-engine (Podman: -podman).  A network namespace has room for one
# engine with a bridge: who uses it holds a lock on that folder's name with .lock (tests/support/engine.py does).
# Firewall and forwarding of the machine are left alone: containers reach each other and this machine, not beyond.
# Podman cannot do without them, so it wants a network namespace of its own, the tests with it:
#   ROOST_TEST_ENGINE_KIND=podman unshare -n sh -c 'ip link set lo up && .venv/bin/pytest tests/edges'
set -euo pipefail
cd "$(dirname "$0")/.."
. build/lib.sh

KIND=${ROOST_TEST_ENGINE_KIND:-docker}
case $KIND in
  docker) PLACE=${ROOST_TEST_ENGINE:-/tmp/roost-test-engine} ;;
  podman) PLACE=${ROOST_TEST_ENGINE:-/tmp/roost-test-podman} ;;
  *) fail "ROOST_TEST_ENGINE_KIND is '$KIND'; it has to be docker or podman" ;;
esac
SOCKET=$PLACE/$KIND.sock
PIDFILE=$PLACE/$KIND.pid
REGISTRY=$PWD/.work/registry
SUBNET=172.29.77.1/24
NAMES=/run/containers/networks/aardvark-dns # outside its folder, and nothing can be done about it

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

# Whether this network namespace leads nowhere: one that was made for the tests.
is_cut_off() { ! awk '$2 == "00000000" { found = 1 } END { exit !found }' /proc/self/net/route; }

# Whether Podman's server of names runs, of which a machine has one.
serves_names() { local pid; pid=$(head -n 1 "$NAMES/aardvark.pid" 2>/dev/null) && ! has_ended "$pid"; }

has_bridge() { ip link show docker0 >/dev/null 2>&1; }

install() {
  if ! command -v dockerd >/dev/null || ! [ -x /bin/busybox ] || ! command -v curl >/dev/null; then
    apt_install docker.io busybox-static curl
  fi
  if [ "$KIND" = podman ] && ! { command -v podman && [ -x /usr/lib/podman/aardvark-dns ]; } >/dev/null; then
    apt_install podman netavark aardvark-dns
  fi
  if [ -x "$REGISTRY/usr/bin/docker-registry" ]; then return 0; fi
  mkdir -p "$REGISTRY"
  (cd "$REGISTRY" && apt-get -qq download docker-registry && dpkg -x docker-registry_*.deb .)
}

up() {
  if answers; then return 0; fi
  [ ${#SOCKET} -lt 100 ] || fail "the socket's path is too long: $SOCKET; choose a shorter ROOST_TEST_ENGINE"
  mkdir -p "$PLACE"
  "start_$KIND"
  local engine=$! tries
  for tries in $(seq 600); do
    if answers; then return 0; fi
    if ! kill -0 "$engine" 2>/dev/null; then break; fi
    sleep 0.1
  done
  tail -n 30 "$PLACE/$KIND.log" >&2
  fail "the engine did not start (after $tries looks)"
}

start_docker() {
  if [ ! -d "$PLACE/data" ] && has_bridge; then
    fail "another engine has its bridge docker0 here; end it first, or use a network namespace of your own"
  fi
  mkdir -p "$PLACE/data" "$PLACE/exec"
  if ! grep -qE '^[^ ]+ /sys/fs/cgroup(/memory)? cgroup2? ' /proc/mounts; then
    mkdir -p /sys/fs/cgroup
    mount -t cgroup2 none /sys/fs/cgroup
  fi
  local driver=overlay2
  forget_ended "$PIDFILE"
  forget_ended "$PLACE/exec/containerd/containerd.pid"
  if [ "$(stat -f -c %T "$PLACE/data")" = overlayfs ]; then driver=vfs; fi
  setsid nohup dockerd --host "unix://$SOCKET" --group root \
    --data-root "$PLACE/data" --exec-root "$PLACE/exec" --pidfile "$PIDFILE" \
    --storage-driver "$driver" --shutdown-timeout 3 \
    --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false --bip "$SUBNET" \
    >>"$PLACE/$KIND.log" 2>&1 </dev/null &
}

start_podman() {
  is_cut_off || fail "Podman writes firewall rules: it wants a network namespace of its own (unshare -n)"
  if [ ! -d "$PLACE/data" ] && serves_names; then
    fail "another Podman runs here, with its server of names ($NAMES); end its containers first"
  fi
  local driver=overlay
  if [ "$(stat -f -c %T "$PLACE")" = overlayfs ]; then driver=vfs; fi
  podman_files "$driver"
  rm -f "$SOCKET"
  # In its folder: where memory runs out, a file `oom` is left in the present one.
  env -C "$PLACE" CONTAINERS_CONF="$PLACE/containers.conf" CONTAINERS_STORAGE_CONF="$PLACE/storage.conf" \
    CONTAINERS_REGISTRIES_CONF="$PLACE/registries.conf" \
    setsid nohup podman system service --time 0 "unix://$SOCKET" >>"$PLACE/$KIND.log" 2>&1 </dev/null &
  echo $! >"$PIDFILE"
}

# podman_files DRIVER: its settings.  A container's limits are this machine's: its default may not be reached here.
podman_files() {
  local files processes
  files=$(ulimit -Hn)
  processes=4096
  cat >"$PLACE/containers.conf" <<TOML
[containers]
default_ulimits = ["nofile=$files:$files", "nproc=$processes:$processes"]
log_driver = "k8s-file"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "$PLACE/tmp"
[network]
network_backend = "netavark"
network_config_dir = "$PLACE/networks"
TOML
  cat >"$PLACE/storage.conf" <<TOML
[storage]
driver = "$1"
graphroot = "$PLACE/data"
runroot = "$PLACE/run"
TOML
  cat >"$PLACE/registries.conf" <<TOML
unqualified-search-registries = ["docker.io"]
[[registry]]
prefix = "127.0.0.1"
location = "127.0.0.1"
insecure = true
TOML
}

# import_path NAME: where the engine takes an image's files.  Podman forgets the tag in Docker's way.
import_path() {
  case $KIND in
    docker) say "/images/create?fromSrc=-&repo=${1%:*}&tag=${1##*:}" ;;
    podman) say "/v4.0.0/libpod/images/import?reference=docker.io/$1" ;;
  esac
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
    ask "$(import_path "$name")" -X POST \
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
  pid=$(cat "$PIDFILE" 2>/dev/null || true)
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
  pgrep -f -- "containerd-shim.* $PLACE/exec/|conmon .* $PLACE/" | xargs -r kill -KILL || true
  if [ "$KIND" = podman ] && [ -d "$PLACE/data" ]; then
    if serves_names; then kill -KILL "$(head -n 1 "$NAMES/aardvark.pid")"; fi
    rm -rf "$NAMES"
  fi
  grep -oE " $PLACE/[^ ]+ " /proc/mounts | sort -r | xargs -r -n1 umount -l || true
  if [ "$KIND" = docker ] && [ -d "$PLACE/data" ] && has_bridge; then ip link del docker0 || true; fi
  rm -rf "$PLACE"
}

case ${1:-} in
  install | up | down) "$1" ;;
  image | registry) "$@" ;;
  has-registry) [ -x "$REGISTRY/usr/bin/docker-registry" ] ;;
  env) say "export DOCKER_HOST=unix://$SOCKET" ;;
  *) sed -n '2,14s/^# *//p' "$0"; exit 2 ;;
esac
