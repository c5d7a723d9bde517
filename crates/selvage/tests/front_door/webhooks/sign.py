# Signs a call by the official Python library (PyPI `standardwebhooks`): secret, id, seconds since 1970, body.
import datetime
import sys

from standardwebhooks.webhooks import Webhook

secret, call, at, body = sys.argv[1:5]
print(Webhook(secret).sign(call, datetime.datetime.fromtimestamp(int(at), datetime.timezone.utc), body))
