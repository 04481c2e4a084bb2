"""The round trip of a custom notification and a case's whole life by the handler, agents included."""

import sys
import time

import requests

from cic_vendors import ALL, Checks

check = Checks()


def await_data(client, count=1):
    found = []
    deadline = time.time() + 5
    while len(found) < count and time.time() < deadline:
        for message in client.messages():
            if message["__type"] == "urn:inin.com:system:handlerSentNotificationMessage":
                found.append(message["data"])
        time.sleep(0.02)
    return found


def main(host, port):
    for kind in ALL:
        client = kind(host, port)
        client.connect()
        event = f"Reply-{kind.__name__}"
        headers = {"headers": [{"objectId": "CaseRouter", "eventIds": [event]}]}
        path = "/messaging/subscriptions/system/handler-sent-notifications"
        check("subscribed", client.call("PUT", path, headers).status_code == 204)

        def ask(operation, *data):
            body = {
                "__type": "urn:inin.com:system:handlerNotification",
                "objectId": "caserouter",
                "eventId": operation,
                "data": ["1", event, *data],
            }
            answer = client.call("POST", "/system/handler-notification", body)
            check("accepted", answer.status_code == 202 and answer.content == b"")
            return await_data(client)[0]

        check("pong", ask("Ping", "n-1") == ["Pong", "n-1", "1"])
        attempt = f"attempt-{kind.__name__}"
        created = ask("Create", attempt, "Holding", "CR_CaseId", "500A", "CR_CaseURL", "https://example.test/500A")
        check("created", created[:2] == ["Created", attempt])
        interaction = created[2]
        read = client.call("GET", f"/interactions/{interaction}?select=CR_CaseURL,CR_AttemptId,CR_Assign")
        check(
            "attributes",
            read.json()["attributes"]
            == {"CR_CaseURL": "https://example.test/500A", "CR_AttemptId": attempt, "CR_Assign": "0"},
        )
        assigned = ask("Assign", attempt, interaction, "7", "Support", "English", "High", "0", "Holding")
        check("assigned", assigned == ["Assigned", attempt, interaction, "7"])
        deadline = time.time() + 5
        while time.time() < deadline:
            if client.call("GET", f"/interactions/{interaction}?select=Eic_State").status_code == 404:
                break
            time.sleep(0.05)
        check("an agent worked it off", time.time() < deadline)
        check("gone", ask("Disconnect", attempt, interaction) == ["Gone", attempt, interaction])
        check("unsubscribed", client.call("DELETE", path).ok)
        requests.post(f"http://{host}:{port}/control/notify", json={"eventId": event, "data": ["late"]})
        check("lost when nobody listens", await_data(client, 0) == [] and client.messages() == [])
    check.report("contract")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
