# Runs the functions of the half that is due, one after the other: the first command that fails ends a test.
half=before
[ -e /var/lib/guest-half ] && half=after
export PATH=/opt/proa:/usr/local/bin:/usr/bin:/bin
echo
echo "guest: $half the reboot, up for $(cut -d. -f1 /proc/uptime) s"
for name in $(grep -o "^test_${half}_[a-z0-9_]*" /tests/tests.sh); do
    timeout 120 bash -c '. /tests/tests.sh; set -e; "$1"' test "$name" >/tmp/out 2>&1 </dev/null
    status=$?
    if [ $status = 0 ]; then
        echo "ok $name"
    else
        echo "not ok $name: exit $status: $(tail -n 6 /tmp/out | tr '\n' '|')"
        journalctl --unit proad.service --unit proad-boot.service --lines 20 --no-pager --output cat
    fi
done
if [ $half = before ]; then
    touch /var/lib/guest-half
    # Not by the login manager, which is not there.
    systemctl start --no-block reboot.target
else
    echo 'guest: done'
    systemctl start --no-block poweroff.target
fi
