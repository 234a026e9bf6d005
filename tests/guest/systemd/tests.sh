# The tests: each function passes when every command in it succeeds. They run in this order, those named test_before_…
# before the guest's reboot.

expect() { [ "$1" = "$2" ] || { echo "expected \"$2\", got \"$1\""; return 1; }; }
holds() { echo "$1" | grep -q -e "$2" || { echo "expected $2 in: $1"; return 1; }; }
state() { proa inspect --format "{{.State.$2}}" "$1"; }
engine() { systemctl show --property MainPID --value proad.service; }
ticks() { proa logs ticker | wc -l; }

# Waits until a command succeeds.
until_true() {
    for try in $(seq 100); do
        "$@" && return 0
        sleep 0.3
    done
    echo "not in time: $*"
    return 1
}

test_before_nothing_runs_without_containers() {
    expect "$(systemctl is-active proad.socket)" active
    expect "$(systemctl is-active proad.service)" inactive
    expect "$(systemctl show --property Result --value proad-boot.service)" exec-condition
}

test_before_the_first_client_starts_the_engine() {
    expect "$(proa run --rm --network none proa/base echo hello)" hello
    expect "$(systemctl is-active proad.service)" active
}

test_before_containers_are_in_no_unit() {
    proa run -d --name ticker --network none --memory 64m proa/base sh -c 'while echo tick; do sleep 1; done'
    expect "$(cat "/proc/$(state ticker Pid)/cgroup")" "0::/proa/$(proa inspect --format '{{.Id}}' ticker)"
    monitor=$(awk '/^PPid/ { print $2 }' "/proc/$(state ticker Pid)/status")
    expect "$(cat "/proc/$monitor/cgroup")" 0::/proa-agent
    expect "$(cat /sys/fs/cgroup/system.slice/proad.service/cgroup.procs)" "$(engine)"
}

# By version 2 of cgroups.
test_before_stats_are_told() {
    holds "$(proa stats --no-stream --format '{{.Name}} {{.PIDs}} {{.MemUsage}}' ticker)" '^ticker [12] [0-9.]*[KM]iB / 64MiB$'
}

# Runs a command that ends the engine, and looks whether the container noticed.
engine_goes() {
    pid=$(state ticker Pid)
    before=$(engine)
    "$@"
    until_true another_engine "$before"
    expect "$(state ticker Pid)" "$pid"
    expect "$(state ticker Status)" running
    seen=$(ticks)
    until_true more_ticks "$seen"
    expect "$(proa exec ticker echo inside)" inside
    expect "$(cat "/sys/fs/cgroup/proa/$(proa inspect --format '{{.Id}}' ticker)/memory.max")" 67108864
}
another_engine() { [ "$(engine)" != 0 ] && [ "$(engine)" != "$1" ] && [ "$(systemctl is-active proad.service)" = active ]; }
more_ticks() { [ "$(ticks)" -gt "$1" ]; }

# A reload has the manager put its cgroups in order.
test_before_restart_leaves_containers_alone() {
    reload_and_restart() { systemctl daemon-reload; systemctl restart proad.service; }
    engine_goes reload_and_restart
}

test_before_an_engine_that_is_killed_comes_back() {
    engine_goes systemctl kill --kill-whom=main --signal=KILL proad.service
}

test_before_a_stopped_engine_is_started_by_the_next_client() {
    stop_and_ask() { systemctl stop proad.service; expect "$(systemctl is-active proad.service)" inactive; proa version; }
    engine_goes stop_and_ask
}

test_before_containers_with_policies_run() {
    script='trap "sync; echo in order >>/data/end; exit 0" TERM; echo begin >>/data/end; while sleep 0.2; do :; done'
    for policy in always unless-stopped no; do
        proa run -d --name "with-$policy" --network none --restart "$policy" -v "$policy:/data" proa/base sh -c "$script"
    done
    proa run -d --name was-stopped --network none --restart unless-stopped proa/base sleep 1000
    proa stop -t 0 was-stopped
    proa run -d --name unmoved --network none --restart unless-stopped --stop-timeout 1 proa/base sleep 1000
    until_true proa exec with-no grep begin /data/end
}

test_after_policies_are_kept() {
    until_true expect "$(systemctl is-active proad.service)" active
    expect "$(state with-always Status)" running
    expect "$(state with-unless-stopped Status)" running
    expect "$(state unmoved Status)" running
    expect "$(state with-no Status)" exited
    expect "$(state was-stopped Status)" exited
    expect "$(state ticker Status)" exited
}

test_after_containers_ended_in_order() {
    expect "$(proa exec with-always cat /data/end | tr '\n' ,)" 'begin,in order,begin,'
    expect "$(proa exec with-unless-stopped cat /data/end | tr '\n' ,)" 'begin,in order,begin,'
    expect "$(state with-no ExitCode)" 0
    expect "$(state ticker ExitCode)" 137
}

test_after_containers_can_be_removed() {
    proa rm -f with-always with-unless-stopped with-no was-stopped unmoved ticker
    expect "$(proa ps -aq)" ''
    expect "$(find /sys/fs/cgroup/proa -mindepth 1 -type d)" ''
}
