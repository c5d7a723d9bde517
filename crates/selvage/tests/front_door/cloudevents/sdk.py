"""Speaks CloudEvents by the SDK of the CloudEvents project (PyPI `cloudevents`). `send URL`, with a key in KEY: makes an event in each
mode, sends it, and prints a line of JSON for each with what it made and what was answered. `read`: reads events from lines of JSON and
prints them as the SDK has them then."""

import json
import os
import sys
import urllib.error
import urllib.request
from datetime import datetime, timezone

from cloudevents.core.bindings import http
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

FORMAT = JSONFormat()


def event(id, **more):
    attributes = {
        "id": id,
        "source": "/mes-ghent/python",
        "type": "manufacturing.machine.stopped",
        "specversion": "1.0",
        "subject": 'Größe 100 % "north" €',
        "time": datetime(2026, 11, 26, 6, 30, 0, 250000, tzinfo=timezone.utc),
        "datacontenttype": "application/json",
        "shift": "früh",
        **more,
    }
    data = {"machine": "press-5", "site": "ghent", "state": "stopped", "cause": "fault", "since": "2026-11-26T06:30:00Z"}
    return CloudEvent(attributes=attributes, data=data)


def written(event):
    return json.loads(FORMAT.write(event))


def send(mode, message, made):
    headers = {**message.headers, "authorization": f"Bearer {os.environ['KEY']}"}
    request = urllib.request.Request(sys.argv[2], data=message.body, headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request) as answer:
            status, answer = answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        status, answer = error.code, json.load(error)
    print(json.dumps({"mode": mode, "status": status, "answer": answer, "made": [written(one) for one in made]}))


if sys.argv[1] == "send":
    one = event("py-structured", line=3, alarm=True)
    send("structured", http.to_structured(one, FORMAT), [one])
    one = event("py-binary")
    send("binary", http.to_binary(one, FORMAT), [one])
    two = [event("py-batch-1"), event("py-batch-2", line=3, alarm=True)]
    body = b"[" + b",".join(FORMAT.write(one) for one in two) + b"]"
    send("batch", http.HTTPMessage({"content-type": "application/cloudevents-batch+json"}, body), two)
else:
    for line in sys.stdin.buffer:
        message = http.HTTPMessage({"content-type": "application/cloudevents+json"}, line)
        print(json.dumps(written(http.from_http(message, FORMAT))))
