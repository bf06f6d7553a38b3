"""What many programs do: a session for the command, and signals to its process group."""
import os
import signal
import subprocess
import sys

command = subprocess.Popen(sys.argv[2:], start_new_session=True)
try:
    sys.exit(command.wait(float(sys.argv[1])))
except subprocess.TimeoutExpired:
    os.killpg(command.pid, signal.SIGTERM)
    try:
        command.wait(2)
    except subprocess.TimeoutExpired:
        os.killpg(command.pid, signal.SIGKILL)
        command.wait()
    sys.exit(124)
