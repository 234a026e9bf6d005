#!/bin/bash
# Shows what proa does, in directories of its own: an engine on demand, containers of the embedded image, an image that is
# pushed to and pulled from a registry, and the tree of what a start did. Everything is stopped and removed at the end.
cd "$(dirname "$0")/.." || exit 1
. tools/setup.sh
need_root 'The demo'
need_packages procps
prepare

PROA_RUN=$(mktemp -d /run/proa-demo-XXXXXX)
PROA_STATE=$(mktemp -d)
work=$(mktemp -d)
export PROA_RUN PROA_STATE
PATH=$PWD/dist:$PATH
proad=dist/proad.mjs
registry=

clean_up() {
    [ -z "$registry" ] || kill "$registry"
    [ ! -S "$PROA_RUN/proad.sock" ] || proa ps --all --quiet | xargs --no-run-if-empty dist/proa rm --force --volumes >/dev/null
    # Engine and agent: both were given this directory, which is nobody else's.
    pgrep --full -- "--run $PROA_RUN" | xargs --no-run-if-empty kill
    for _ in $(seq 50); do pgrep --full -- "--run $PROA_RUN" >/dev/null || break; sleep 0.1; done
    rm -rf "$PROA_RUN" "$PROA_STATE" "$work"
}
trap clean_up EXIT

show() {
    echo
    echo "\$ $*"
    "$@" || stop "this failed: $*"
}

echo
echo 'No engine runs yet: the first command starts it. The image is part of the program.'
show proa run --rm proa/base echo 'Hello from a container'
show proa run --detach --name demo --volume data:/data proa/base sh -c 'echo begun; exec sleep 1000'
show proa ps
show proa logs demo
show proa exec demo sh -c 'hostname; id; ps'

echo
echo 'A registry of our own, for the desk:'
node "$proad" registry serve --root "$work/registry" --listen 127.0.0.1:0 >"$work/address" &
registry=$!
for _ in $(seq 100); do [ -s "$work/address" ] && break; sleep 0.1; done
address=$(sed 's/listening on //' "$work/address")
show proa tag proa/base "$address/demo:1"
show proa push --quiet "$address/demo:1"
show proa rmi "$address/demo:1"
show proa pull "$address/demo:1"
show proa run --rm "$address/demo:1" cat /etc/os-release

echo
echo 'Every step and system call of one start, by the runtime alone:'
mkdir -p "$work/bundle/rootfs/bin"
cp "$(command -v busybox)" "$work/bundle/rootfs/bin/busybox"
dist/proa-runtime spec --bundle "$work/bundle"
node -e '
const { readFileSync, writeFileSync } = require("node:fs");
const file = process.argv[1];
const config = JSON.parse(readFileSync(file, "utf8"));
config.process.terminal = false;
config.process.args = ["/bin/busybox", "echo", "Hello once more"];
writeFileSync(file, JSON.stringify(config));
' "$work/bundle/config.json"
show proa-runtime --root "$work/state" run --explain --bundle "$work/bundle" demo

show proa stop --time 1 demo
show proa rm --volumes demo
