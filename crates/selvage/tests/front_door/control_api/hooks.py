"""What schemathesis cannot guess: what is there under which path. And what it does not say at its end: with which statuses each
operation was answered."""

import atexit
import json
import os
import threading

import schemathesis

KNOWN = json.load(open(os.environ["SELVAGE_KNOWN"]))
ANSWERED = {}
LOCK = threading.Lock()


@schemathesis.hook
def before_call(context, case, kwargs):
    # What is meant to be refused stays as it is.
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    parameters = case.path_parameters or {}
    known = KNOWN.get(case.operation.path.split("/{")[0])
    for name, value in parameters.items():
        length = len(str(value))
        # Three of four are of what is there, the rest of nothing.
        if known and length % 4:
            parameters[name] = known[length % len(known)]


@schemathesis.hook
def after_call(context, case, response):
    with LOCK:
        statuses = ANSWERED.setdefault(case.operation.label, {})
        status = f"{case.method.upper()} {response.status_code}"
        statuses[status] = statuses.get(status, 0) + 1


@atexit.register
def tell():
    with open(os.environ["SELVAGE_ANSWERED"], "w") as told:
        json.dump(ANSWERED, told)
