"""psutil's recipe for ending a tree, which waits until all have ended: `psutil_fell.py PID`."""
import sys

import psutil

root = psutil.Process(int(sys.argv[1]))
tree = [*root.children(recursive=True), root]
for process in tree:
    process.terminate()
psutil.wait_procs(tree, timeout=10)
