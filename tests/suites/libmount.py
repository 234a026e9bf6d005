"""Stands in for util-linux's Python module, which Debian no longer packages: what crun's suite uses of it."""


class Entry:
    def __init__(self, line):
        words = line.split()
        self.target = words[4]
        self.vfs_options = words[5]
        self.fs_options = words[-1]


class Table:
    """The mounts that a file in the format of /proc/PID/mountinfo lists."""

    def __init__(self, path):
        with open(path) as file:
            self.entries = [Entry(line) for line in file if " - " in line]

    def find_target(self, target):
        return next(entry for entry in self.entries if entry.target == target)
