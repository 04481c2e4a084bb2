"""Server-sent events as browsers and a published Go client read them."""

import json
import sys
import threading
import time

import requests

from cic_vendors import Checks, Client

check = Checks()


class Stream:
    """Reads an event stream line by line in a thread of its own."""

    def __init__(self, client):
        self.pings = 0
        self.messages = []
        self.ended = threading.Event()
        # A browser's EventSource cannot send the token.
        self.answer = requests.get(
            f"{client.base}/icws/{client.session}/messaging/messages",
            headers={"Accept": "text/event-stream"},
            cookies=client.cookies,
            stream=True,
            timeout=120,
        )
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        data = []
        try:
            for line in self.answer.iter_lines(chunk_size=1, decode_unicode=True):
                if line == ":ping":
                    self.pings += 1
                elif line == "":
                    if data:
                        self.messages.append(json.loads("\n".join(data)))
                    data = []
                elif line.startswith("data:"):
                    data.append(line[5:].strip())
                else:
                    raise SystemExit(f"unexpected line {line!r}")
        except requests.RequestException:
            pass
        self.ended.set()

    def wait(self, what, holds):
        deadline = time.time() + 5
        while time.time() < deadline:
            if holds(self):
                return check(what, True)
            time.sleep(0.01)
        check(what, False)


def main(host, port):
    control = f"http://{host}:{port}/control"
    client = Client(host, port)
    client.connect()
    watch = {"queueIds": [{"queueType": 2, "queueName": "Sales"}], "attributeNames": ["Eic_State"]}
    client.call("PUT", "/messaging/subscriptions/queues/q", watch)

    stream = Stream(client)
    check("stream", stream.answer.headers["Content-Type"] == "text/event-stream")
    stream.wait("a ping at the beginning", lambda s: s.pings == 1)
    stream.wait("what was pending comes first", lambda s: len(s.messages) == 1 and not s.messages[0]["isDelta"])
    requests.post(f"{control}/interactions", json={"workgroup": "Sales", "count": 300})
    stream.wait("changes arrive by themselves", lambda s: sum(len(m["interactionsAdded"]) for m in s.messages) == 300)
    check("several at a time", len(stream.messages) <= 10)

    newer = Stream(client)
    stream.wait("an older stream ends when a newer one begins", lambda s: s.ended.is_set())
    requests.post(f"{control}/interactions", json={"workgroup": "Sales"})
    newer.wait("the newer one goes on", lambda s: len(s.messages) == 1)

    requests.post(f"{control}/faults", json={"operation": "messages", "when": "after", "do": "cut", "count": 1})
    requests.post(f"{control}/interactions", json={"workgroup": "Sales"})
    newer.wait("a cut stream ends", lambda s: s.ended.is_set())
    check("with what it carried", len(newer.messages) == 1 and client.messages() == [])

    last = Stream(client)
    last.wait("a stream again", lambda s: s.pings == 1)
    requests.post(f"{control}/sessions/expire")
    last.wait("a stream ends with its session", lambda s: s.ended.is_set())
    check("session over", client.call("GET", "/messaging/messages").status_code == 401)

    client.connect()
    requests.patch(f"{control}/configuration", json={"features": {"messaging": 1, "connection": 10}})
    plain = client.call("GET", "/messaging/messages", headers={"Accept": "text/event-stream"})
    check("no stream where none is offered", plain.json() == [])
    check.report("stream")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
