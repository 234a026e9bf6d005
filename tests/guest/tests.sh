# The tests: each function passes when every command in it succeeds. Bundles are those of bundles.mjs; a container has
# its bundle's name and its cgroup is /sys/fs/cgroup/guest/NAME.

here=/sys/fs/cgroup/guest

start() { proa-runtime run -d -b "/bundles/$1" "$1" </dev/null >/dev/null 2>/tmp/start-error || { cat /tmp/start-error; false; }; }
run() { proa-runtime run -b "/bundles/$1" "$1"; }
expect() { [ "$1" = "$2" ] || { echo "expected \"$2\", got \"$1\""; return 1; }; }
holds() { echo "$1" | grep -q -e "$2" || { echo "expected $2 in: $1"; return 1; }; }
status_of() { proa-runtime state "$1" | grep -o '"status": *"[a-z]*"' | grep -o '[a-z]*"$' | tr -d '"'; }
gone() { [ ! -e "$1" ] || { echo "$1 is still there"; return 1; }; }

test_run_in_its_own_cgroup() {
    expect "$(run own-cgroup)" 0::/guest/own-cgroup
    gone $here/own-cgroup
}

test_exit_status_is_the_programs() {
    set +e
    run device-denied >/dev/null 2>&1
    expect $? 1
}

test_cgroup_namespace_and_mount() {
    out=$(run cgroup-namespace)
    holds "$out" '^0::/$'
    holds "$out" cgroup.procs
}

test_process_is_in_cgroup_procs() {
    start wait
    pid=$(proa-runtime state wait | grep -o '"pid": *[0-9]*' | grep -o '[0-9]*$')
    grep -qx "$pid" $here/wait/cgroup.procs
}

test_limits_are_in_cgroup_files() {
    start limits
    expect "$(cat $here/limits/memory.max)" 67108864
    expect "$(cat $here/limits/memory.low)" 33554432
    expect "$(cat $here/limits/pids.max)" 41
    expect "$(cat $here/limits/cpu.max)" '20000 100000'
    # 20 by the linear conversion of cpu shares, 59 by the one that runc and crun use since 2025.
    case $(cat $here/limits/cpu.weight) in 20 | 59) ;; *) expect "$(cat $here/limits/cpu.weight)" '20 or 59' ;; esac
}

test_memory_that_ran_out_is_told() {
    start memory-hog
    holds "$(proa-runtime events memory-hog)" '"type":"oom"'
}

test_unified_is_written_as_it_is() {
    start unified
    expect "$(cat $here/unified/cpu.weight)" 77
    expect "$(cat $here/unified/memory.high)" 50331648
    expect "$(cat $here/unified/pids.max)" 23
}

test_update_changes_limits() {
    start limits
    proa-runtime update --memory 50331648 --pids-limit 52 limits
    expect "$(cat $here/limits/memory.max)" 50331648
    expect "$(cat $here/limits/pids.max)" 52
}

test_device_rule_allows() {
    run device-allowed
}

test_device_rule_denies() {
    out=$(run device-denied 2>&1 || true)
    holds "$out" 'Operation not permitted'
}

test_default_devices_stay_allowed() {
    run default-devices
}

test_pause_and_resume() {
    start wait
    proa-runtime pause wait
    expect "$(cat $here/wait/cgroup.freeze)" 1
    expect "$(grep frozen $here/wait/cgroup.events)" 'frozen 1'
    expect "$(status_of wait)" paused
    proa-runtime resume wait
    expect "$(grep frozen $here/wait/cgroup.events)" 'frozen 0'
    expect "$(status_of wait)" running
}

test_exec_into_paused_is_refused() {
    start wait
    proa-runtime pause wait
    out=$(timeout 20 proa-runtime exec wait /bin/true 2>&1) && return 1
    holds "$out" pause
}

test_delete_force_of_paused() {
    start wait
    proa-runtime pause wait
    timeout 20 proa-runtime delete --force wait
    gone $here/wait
}

test_kill_all() {
    start shared-pids
    sleep 1
    expect "$(wc -l <$here/shared-pids/cgroup.procs)" 3
    proa-runtime kill --all shared-pids KILL
    for try in 1 2 3 4 5 6 7 8 9 10; do
        expect "$(cat $here/shared-pids/cgroup.procs)" '' >/dev/null && break
        sleep 1
    done
    expect "$(cat $here/shared-pids/cgroup.procs)" ''
    proa-runtime delete shared-pids
    gone $here/shared-pids
}

test_delete_force_ends_every_process_without_pid_namespace() {
    start shared-pids
    sleep 1
    proa-runtime delete --force shared-pids
    gone $here/shared-pids
    ps | grep -q 'sleep 100[12]' && return 1
    return 0
}

test_exec_joins_the_cgroup() {
    start wait
    expect "$(proa-runtime exec wait /bin/cat /proc/self/cgroup)" 0::/guest/wait
}

test_ps_lists_processes() {
    start wait
    holds "$(proa-runtime ps wait)" 'sleep 1000'
    holds "$(proa-runtime ps --format json wait)" '^\[[0-9]'
}

test_too_little_memory_is_named() {
    out=$(run too-little-memory 2>&1) && return 1
    holds "$out" memory
    gone $here/too-little-memory
}

test_512_kib_start_true() {
    run little-memory
    gone $here/little-memory
}

test_events_stats() {
    start limits
    out=$(proa-runtime events --stats limits)
    holds "$out" '"type":"stats"'
    holds "$out" '"id":"limits"'
    holds "$out" '"limit":67108864'
    holds "$out" '"pids":{"current":1,"limit":41}'
}

test_delete_leaves_nothing() {
    before=$(wc -l </proc/mounts)
    start wait
    proa-runtime kill wait KILL
    sleep 1
    proa-runtime delete wait
    gone $here/wait
    gone /run/proa/runtime/wait
    expect "$(wc -l </proc/mounts)" "$before"
}

test_create_start_delete() {
    proa-runtime create -b /bundles/own-cgroup own-cgroup </dev/null >/tmp/created 2>&1
    expect "$(status_of own-cgroup)" created
    timeout 20 proa-runtime start own-cgroup
    sleep 1
    expect "$(status_of own-cgroup)" stopped
    expect "$(cat /tmp/created)" 0::/guest/own-cgroup
    proa-runtime delete own-cgroup
    gone $here/own-cgroup
}

test_overlay_as_root() {
    mkdir -p /tmp/overlay/upper /tmp/overlay/work /tmp/overlay/merged
    mount -t overlay -o lowerdir=/rootfs,upperdir=/tmp/overlay/upper,workdir=/tmp/overlay/work overlay /tmp/overlay/merged
    expect "$(run overlay)" written
    umount /tmp/overlay/merged
}

test_devices_and_default_mapping_of_a_user_namespace() {
    out=$(run user-namespace)
    holds "$out" 'b--xr-xrwx 1:5'
    holds "$out" '^ *0 *0 *1$'
}

test_apparmor_profile_is_entered_and_denies() {
    apparmor_parser --replace --skip-cache --base / /profile
    out=$(run profile 2>&1 || true)
    holds "$out" 'proa-guest (enforce)'
    holds "$out" 'forbidden.*Permission denied'
}

test_apparmor_profile_for_exec() {
    apparmor_parser --replace --skip-cache --base / /profile
    start wait
    holds "$(proa-runtime exec --apparmor proa-guest wait /bin/cat /proc/self/attr/current)" 'proa-guest (enforce)'
}

test_missing_apparmor_profile_is_named() {
    out=$(run missing-profile 2>&1) && return 1
    holds "$out" proa-not-there
    gone $here/missing-profile
}
