"""What psutil's users write to list a tree: `psutil_tree.py PID`."""
import sys

import psutil

root = psutil.Process(int(sys.argv[1]))
for process in [root, *root.children(recursive=True)]:
    print(process.pid, process.ppid(), process.name())
