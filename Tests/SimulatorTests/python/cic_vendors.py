"""How published clients of the interface talk: four sets of habits over one set of calls."""

import json
import re

import requests

LOGIN = {
    "__type": "urn:inin.com:connection:icAuthConnectionRequestSettings",
    "applicationName": "conformance",
    "userID": "caserouter",
    "password": "secret",
}
SDK_TYPE = "application/vnd.inin.icws+json"
QUEUE_PARTS = {"interactionsAdded", "interactionsChanged"}

# What the generated library requires of each message, by the last part of its type: property and Python type.
REQUIRED = {
    "queueContentsMessage": {"subscriptionId": str},
    "queueSubscriptionStateMessage": {"subscriptionId": str, "state": int},
    "interactionChangedMessage": {"interactionID": str, "attributes": dict},
    "interactionDeallocatedMessage": {"interactionID": str},
    "handlerSentNotificationMessage": {"objectId": str, "eventId": str, "data": list},
    "connectionStateChangeMessage": {"previousConnectionState": int, "newConnectionState": int, "reason": str},
    "asyncOperationCompletedMessage": {"requestId": str},
    "userStatusMessage": {"userStatusList": list},
}


def validate(message):
    """Fails on anything the generated library would throw at."""
    assert isinstance(message["isDelta"], bool), message
    kind = message["__type"].split(":")[-1]
    for name, expected in REQUIRED.get(kind, {}).items():
        assert isinstance(message[name], expected), f"{kind}.{name}: {message[name]!r}"
    for part in QUEUE_PARTS & message.keys():
        for interaction in message[part]:
            assert isinstance(interaction["interactionId"], str), interaction
            assert all(isinstance(value, str) for value in interaction["attributes"].values()), interaction
    assert all(isinstance(item, str) for item in message.get("interactionsRemoved", [])), message
    return message


class Checks:
    """Counts what held; the first thing that does not ends the script."""

    def __init__(self):
        self.count = 0

    def __call__(self, what, holds):
        if not holds:
            raise SystemExit(f"does not hold: {what}")
        self.count += 1

    def report(self, name):
        print(f"{name}: {self.count} checks passed")


class Client:
    """A scripter's client: no content type, ids from the body, the library's own cookie jar."""

    name = "script"

    def __init__(self, host, port):
        self.base = f"http://{host}:{port}"
        self.host = host
        self.port = port
        self.http = requests.Session()
        self.http.trust_env = False

    def request_headers(self):
        return {}

    def encode(self, body):
        return None if body is None else json.dumps(body)

    def login_body(self):
        return dict(LOGIN)

    def connect(self):
        headers = {"Accept-Language": "en-us", **self.request_headers()}
        answer = self.http.post(f"{self.base}/icws/connection", headers=headers, data=self.encode(self.login_body()))
        if answer.status_code == 503:
            # Same scheme, other host, same port.
            self.base = f"http://{answer.json()['alternateHostList'][0]}:{self.port}"
            return self.connect()
        assert answer.status_code == 201, answer.text
        self.take_session(answer)
        return answer

    def take_session(self, answer):
        body = answer.json()
        self.session = body["sessionId"]
        self.headers = {"ININ-ICWS-CSRF-Token": body["csrfToken"]}
        self.cookies = answer.cookies

    def call(self, method, path, body=None, headers=None):
        return requests.request(
            method,
            f"{self.base}/icws/{self.session}{path}",
            headers={**self.headers, **self.request_headers(), **(headers or {})},
            cookies=self.cookies,
            data=self.encode(body),
            timeout=120,
        )

    def messages(self):
        return self.call("GET", "/messaging/messages").json()


class RubyGem(Client):
    """Form content type on everything but the login, and the whole first Set-Cookie as Cookie."""

    name = "ruby gem"

    def encode(self, body):
        return "" if body is None else json.dumps(body)

    def login_body(self):
        return {"x-icws": None, **LOGIN}

    def request_headers(self):
        return {"Content-Type": "application/x-www-form-urlencoded"}

    def take_session(self, answer):
        super().take_session(answer)
        self.headers["Cookie"] = answer.headers["Set-Cookie"]
        self.cookies = None


class GoLibrary(Client):
    """application/json everywhere, `null` as an empty body, every value of a body as text, whole cookie."""

    name = "go library"

    def encode(self, body):
        return json.dumps(body)

    def request_headers(self):
        return {"Content-Type": "application/json", "Accept-Language": "en-us"}

    def take_session(self, answer):
        super().take_session(answer)
        self.headers["Cookie"] = answer.headers["Set-Cookie"]
        self.cookies = None


class GeneratedLibrary(Client):
    """The vendor's generated JavaScript library: its media type, ids from headers, `__type` last, answers checked."""

    name = "generated library"

    def encode(self, body):
        if body is None:
            return None
        kind = body.pop("__type", None)
        if kind is not None:
            body["__type"] = kind
        return json.dumps(body)

    def request_headers(self):
        return {
            "Content-Type": "application/vnd.inin.icws+JSON;charset=utf-8",
            "Accept": "application/vnd.inin.icws+JSON",
        }

    def take_session(self, answer):
        self.session = answer.headers["ININ-ICWS-Session-ID"]
        self.headers = {"ININ-ICWS-CSRF-Token": answer.headers["ININ-ICWS-CSRF-Token"]}
        self.cookies = answer.cookies

    def call(self, method, path, body=None, headers=None):
        answer = super().call(method, path, body, headers)
        if answer.content:
            kind = re.split(r"\s*;", answer.headers["Content-Type"])[0].lower()
            assert kind == SDK_TYPE, f"{path}: a body of type {kind} would not be parsed"
        return answer

    def messages(self):
        return [validate(message) for message in super().messages()]


ALL = [Client, RubyGem, GoLibrary, GeneratedLibrary]
