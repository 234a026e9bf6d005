#!/bin/bash
# Everything that is tested but the foreign suites: types, layers, lint, unit tests, integration, a guest with cgroup
# version 2 and AppArmor, one with systemd, and the engines of others.
cd "$(dirname "$0")/.." || exit 1
. tools/setup.sh
need_root 'The test'
prepare
need_packages strace util-linux qemu-system-x86 cpio debootstrap runc crun zstd libarchive-tools attr libcap2-bin e2fsprogs procps python3

rm -f build/*/failures.txt
failed=()
part() {
    local name=$1 begin=$SECONDS
    shift
    echo "== $name"
    "$@" || failed+=("$name")
    echo "== $name: $((SECONDS - begin)) s"
}

part 'types, layers, lint and unit tests' npm run --silent ok
part 'integration' node tools/integration.mjs
part 'guest' node tools/guest.mjs
part 'guest with systemd' npm run --silent guest:systemd
part 'engines' node tools/engines.mjs

if [ ${#failed[@]} -gt 0 ]; then
    cat build/*/failures.txt
    echo "FAILED: ${failed[*]}"
    exit 1
fi
echo "all parts passed in $SECONDS s"
