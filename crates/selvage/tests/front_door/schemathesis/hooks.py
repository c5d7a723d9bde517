"""What schemathesis cannot guess: keys of records that are there, and that a cursor is only what a list gave. And what it does not
say at its end: with which statuses each operation was answered."""

import atexit
import itertools
import json
import os
import threading

import schemathesis

KNOWN = json.load(open(os.environ["SELVAGE_KNOWN"]))
KEYS = itertools.count()
ANSWERED = {}
LOCK = threading.Lock()


@schemathesis.hook
def before_call(context, case, kwargs):
    # The run has its key in `Authorization`: a second proof beside it is refused, whatever else the case is about.
    if case.headers:
        case.headers.pop("X-Api-Key", None)
    # What is meant to be refused otherwise stays as it is.
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if case.query:
        case.query.pop("cursor", None)
    if case.meta.phase.name == "examples" and case.operation.label in KNOWN["examples"]:
        # Each is a deed of its own, and done.
        if "Idempotency-Key" in (case.headers or {}):
            case.headers["Idempotency-Key"] = f"example-{next(KEYS)}"
        return
    known = KNOWN["records"].get(case.operation.path.split("/{id}")[0])
    parameters = case.path_parameters or {}
    if known and "id" in parameters:
        length = len(str(parameters["id"]))
        # Three of four are of records, the rest of none.
        if length % 4:
            parameters["id"] = known[length % len(known)]
    body = case.body if isinstance(case.body, dict) else {}
    for attribute, value in KNOWN["attributes"].items():
        if isinstance(body.get(attribute), str) and len(body[attribute]) % 2:
            body[attribute] = value


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
