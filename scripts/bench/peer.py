"""The peer's side: runs the cases of scripts/bench/<bench>/peer.py with PyTorch. See side.mjs for what it is told.

A case is a class made with its settings; its method run(iterations) is timed, any other method can be asked. Where it
has processes of its own, worker_seconds() is the processor time that they have taken so far.
"""

import importlib.util
import json
import math
import os
import platform
import signal
import sys
import time
import traceback

import torch

# Standard output belongs to the answers: whatever else is printed goes to standard error.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
# Ctrl-C reaches the whole process group; the harness ends this process itself.
signal.signal(signal.SIGINT, signal.SIG_IGN)

here = os.path.dirname(os.path.abspath(__file__))
current = None


def write(answer):
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


def load(bench):
    """The cases of a benchmark: the module peer.py in its folder."""
    name = f"bench_{bench}"
    if name not in sys.modules:
        sys.path.insert(0, os.path.join(here, bench))
        spec = importlib.util.spec_from_file_location(name, os.path.join(here, bench, "peer.py"))
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name].CASES


def about(request):
    torch.set_num_threads(request["threads"])
    return {
        "libtorch": torch.version.__version__,
        "commit": torch.version.git_version,
        "python": platform.python_version(),
    }


def prepare(request):
    global current
    current = None
    current = load(request["bench"])[request["case"]](request["settings"])


def processor_time():
    workers = getattr(current, "worker_seconds", lambda: 0)
    return time.process_time() + workers()


def run(request):
    cpu = processor_time()
    start = time.perf_counter()
    current.run(request["iterations"])
    seconds = time.perf_counter() - start
    taken = processor_time() - cpu
    return {"seconds": seconds, "cpuSeconds": None if math.isnan(taken) else taken}


def ask(request):
    def progress(share):
        write({"id": request["id"], "progress": share})

    return getattr(current, request["method"])(request["argument"], progress)


actions = {"about": about, "prepare": prepare, "run": run, "ask": ask}

for line in sys.stdin:
    request = json.loads(line)
    try:
        write({"id": request["id"], "result": actions[request["do"]](request)})
    except Exception:
        write({"id": request["id"], "error": traceback.format_exc()})
