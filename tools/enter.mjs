// A root filesystem of another Debian, entered in a mount namespace of its own; used by peers.mjs and bare.mjs.

const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What programs in there are told: nothing of the machine's own. */
export function environment(more = {}) {
  return { PATH: path, HOME: '/root', LANG: 'C.UTF-8', TERM: 'xterm', ...more };
}

/**
 * Lines of a shell, for a mount namespace of its own: crun wants every v1 controller mounted that the kernel has, where
 * there are v1 controllers, and takes none of version 2 beside them. `mounted` says whether one was.
 */
export const cgroupsForCrun = (root) => `
  mounted=
  if grep -q "^hugetlb.*1$" /proc/cgroups && [ -d /sys/fs/cgroup/memory ] && [ ! -e /sys/fs/cgroup/hugetlb/tasks ]; then
    mkdir -p "${root}/sys/fs/cgroup/hugetlb"
    mount -t cgroup -o hugetlb cgroup "${root}/sys/fs/cgroup/hugetlb" && mounted=1
  fi`;

/**
 * A command line that runs `command` in the root. Kernel filesystems, devices and those of `shared` (paths inside, by
 * paths of the machine) are the machine's; `fresh` paths are empty, in memory, and gone with the command. `network`: a
 * network of its own with only loopback. `processes`: a pid namespace of its own, so that nothing outlives the command.
 */
export function enter(root, command, { shared = {}, fresh = ['/run'], network = false, processes = false }) {
  const script = [
    'set -e; root=$1; processes=$2; network=$3; shared=$4; fresh=$5; shift 5',
    'mount --bind "$root" "$root"; mount --make-private "$root"',
    'for name in sys dev; do mount --rbind /$name "$root/$name"; mount --make-rslave "$root/$name"; done',
    'if [ $processes = 1 ]; then mount -t proc proc "$root/proc"; else mount --rbind /proc "$root/proc"; fi',
    'for path in $fresh; do mount -t tmpfs -o mode=$([ $path = /tmp ] && echo 1777 || echo 755) tmpfs "$root$path"; done',
    'mkdir -p "$root/run/lock"',
    'while IFS="\t" read -r outside inside; do',
    '  [ -n "$inside" ] || continue',
    '  mkdir -p "$root$inside"; mount --rbind "$outside" "$root$inside"; mount --make-rslave "$root$inside"',
    'done <<<"$shared"',
    'cp -L /etc/resolv.conf "$root/run/resolv.conf" 2>/dev/null && mount --bind "$root/run/resolv.conf" "$root/etc/resolv.conf" || true',
    cgroupsForCrun('$root'),
    // Not chroot: setns(2) into a mount namespace leads to its true root, which must not be the machine's.
    'cd "$root"; pivot_root . .; umount -l .; cd /',
    'if [ $network = 1 ]; then ip link set lo up; fi',
    'exec "$@"',
  ].join('\n');
  const flags = ['--mount', '--propagation', 'slave', ...(network ? ['--net'] : [])];
  if (processes) flags.push('--pid', '--fork', '--kill-child');
  const pairs = Object.entries(shared).map((pair) => pair.join('\t'));
  const values = [root, processes ? '1' : '0', network ? '1' : '0', pairs.join('\n'), fresh.join(' ')];
  // Of a caller whose standard input is a socket, bash would read ~/.bashrc.
  return ['unshare', [...flags, 'bash', '--norc', '-c', script, 'enter', ...values, ...command]];
}
