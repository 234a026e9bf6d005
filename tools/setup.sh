# Sourced by the scripts beside it, which stand in the repository's root. Each function either gives what it is named
# for or ends the script with one sentence.

stop() {
    echo "proa: $*" >&2
    exit 1
}

need_root() {
    [ "$(id -u)" = 0 ] || stop "$1 needs root: it makes namespaces, mounts and cgroups"
}

need_node() {
    local version
    version=$(node --version 2>/dev/null) || stop 'Node.js 20 or newer is needed and there is no node in PATH'
    version=${version#v}
    [ "${version%%.*}" -ge 20 ] || stop "Node.js 20 or newer is needed, this is $version"
    command -v npm >/dev/null || stop 'npm is needed and is not in PATH'
}

# Packages of the machine's own Debian.
need_packages() {
    node tools/system.mjs "$@" || exit 1
}

# npm's packages as package-lock.json names them, and dist/.
prepare() {
    need_node
    need_packages gcc musl-dev libc6-dev zlib1g-dev libzstd-dev nettle-dev libunistring-dev busybox-static
    if ! cmp -s package-lock.json node_modules/.proa-lock; then
        echo 'npm ci'
        # A registry may lack the packages of other platforms; npm ci insists on them, npm install does not.
        # No package needs a script of its own to be run: those there are compile what is optional, for minutes.
        local flags='--ignore-scripts --silent --no-audit --no-fund'
        npm ci $flags 2>/dev/null || npm install --no-save $flags ||
            stop 'npm cannot install the packages: is the registry reachable?'
        cp package-lock.json node_modules/.proa-lock
    fi
    # Node reads every certificate that this names each time it starts: a fifth of a second.
    unset NODE_EXTRA_CA_CERTS
    npm run --silent build || stop 'the build failed'
}
