"""The recipe of psutil's documentation, for a command with a limit and for a tree that runs."""
import signal
import subprocess
import sys

import psutil


def kill_proc_tree(pid, sig=signal.SIGTERM, timeout=2):
    parent = psutil.Process(pid)
    children = parent.children(recursive=True)
    children.append(parent)
    for process in children:
        try:
            process.send_signal(sig)
        except psutil.NoSuchProcess:
            pass
    _, alive = psutil.wait_procs(children, timeout=timeout)
    for process in alive:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            pass
    psutil.wait_procs(alive, timeout=timeout)


if sys.argv[1] == "kill":
    kill_proc_tree(int(sys.argv[2]))
else:
    command = subprocess.Popen(sys.argv[3:])
    try:
        sys.exit(command.wait(float(sys.argv[2])))
    except subprocess.TimeoutExpired:
        kill_proc_tree(command.pid)
        sys.exit(124)
