#!/bin/bash
# Shows a container: a shell command in a bundle made of busybox, and the tree of what its start did.
cd "$(dirname "$0")/.." || exit 1
. tools/setup.sh
need_root 'The demo'
prepare

bundle=$(mktemp -d)
trap 'dist/proa-runtime --root "$bundle/state" delete --force demo 2>/dev/null; rm -rf "$bundle"' EXIT
mkdir -p "$bundle"/rootfs/{bin,dev,etc,proc,sys,tmp}
cp "$(command -v busybox)" "$bundle/rootfs/bin/busybox"
for name in sh echo hostname id ps uname; do ln -s busybox "$bundle/rootfs/bin/$name"; done
dist/proa-runtime spec --bundle "$bundle"
node -e '
const { readFileSync, writeFileSync } = require("node:fs");
const file = process.argv[1];
const config = JSON.parse(readFileSync(file, "utf8"));
config.process.terminal = false;
config.process.args = ["/bin/sh", "-c", "echo Hello from container $(hostname), process $$ of $(uname -s); id; ps"];
config.hostname = "demo";
writeFileSync(file, JSON.stringify(config));
' "$bundle/config.json"

echo
echo '$ proa-runtime run demo'
dist/proa-runtime --root "$bundle/state" run --bundle "$bundle" demo || stop 'the container did not run'
echo
echo '$ proa-runtime run --explain demo'
dist/proa-runtime --root "$bundle/state" run --explain --bundle "$bundle" demo || stop 'the container did not run'
