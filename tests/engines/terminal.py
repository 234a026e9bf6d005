# Runs a command in a terminal of its own: terminal.py STEPS COMMAND [ARG...]. STEPS is JSON, a list of
#   ["wait", TEXT]           until the terminal has shown it since the last such step
#   ["type", TEXT]           as if by a person
#   ["size", ROWS, COLUMNS]  the window's size from now on
#   ["signal", NUMBER]       to the command
#   ["pause", SECONDS]       for what says nothing
# Prints all that the terminal showed, and leaves with the command's status.
import fcntl, json, os, pty, select, signal, struct, sys, termios, time

PATIENCE = 20
steps, command = json.loads(sys.argv[1]), sys.argv[2:]
shown, looked = b"", 0


def resize(rows, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def more(seconds):
    global shown
    if not select.select([terminal], [], [], seconds)[0]:
        return True
    try:
        data = os.read(terminal, 65536)
    except OSError:
        return False
    shown += data
    return bool(data)


def wait_for(text):
    global looked
    end = time.time() + PATIENCE
    while text not in shown[looked:]:
        if time.time() > end or not more(0.2):
            sys.stdout.buffer.write(shown)
            sys.exit(f"the terminal never showed {text!r}")
    looked = shown.index(text, looked) + len(text)


pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
resize(24, 80)
for name, *values in steps:
    if name == "wait":
        wait_for(values[0].encode())
    elif name == "type":
        os.write(terminal, values[0].encode())
    elif name == "size":
        resize(*values)
    elif name == "pause":
        time.sleep(*values)
    elif name == "signal":
        os.kill(pid, values[0])
end = time.time() + PATIENCE
while more(0.2):
    if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) and not select.select([terminal], [], [], 0)[0]:
        break
    if time.time() > end:
        os.kill(pid, signal.SIGKILL)
        break
sys.stdout.buffer.write(shown)
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 255)
