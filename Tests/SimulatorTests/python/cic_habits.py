"""The same journey with the habits of each published client: log in, watch, create, read, write, move, hold, end."""

import sys
import time

from cic_vendors import ALL, Checks, GeneratedLibrary, GoLibrary

check = Checks()


def journey(client):
    check("login", client.connect().status_code == 201)
    watch = {
        "queueIds": [{"queueType": 2, "queueName": "Sales"}, {"queueType": 2, "queueName": "Holding"}],
        "attributeNames": ["Eic_State", "CR_CaseId"],
    }
    check("watch", client.call("PUT", "/messaging/subscriptions/queues/arbitrarystring", watch).ok)
    first = client.messages()
    check("snapshot", [m["isDelta"] for m in first] == [False])
    check("type", first[0]["__type"] == "urn:inin.com:queues:queueContentsMessage")

    create = {
        "__type": "urn:inin.com:interactions:createGenericInteractionParameters",
        "queueId": {"queueType": 2, "queueName": "Holding"},
        "initialState": 5,
        "interactionDirection": 1,
        "localPartyType": 1,
        "remotePartyType": 2,
        "remoteName": 'Case "1" – Grüße',
        "additionalAttributes": {"CR_CaseId": "500A"},
        "somethingNewer": {"__type": "urn:inin.com:nothing", "list": [1, 2.5, None, True]},
    }
    made = client.call("POST", "/interactions", create)
    check("created", made.status_code == 201)
    path = f"/interactions/{made.json()['interactionId']}"

    read = client.call("GET", path + "?select=eic_state,CR_CASEID,Eic_RemoteName")
    values = {key.lower(): value for key, value in read.json()["attributes"].items()}
    check("read", values == {"eic_state": "O", "cr_caseid": "500A", "eic_remotename": 'Case "1" – Grüße'})
    check("write", client.call("POST", path, {"attributes": {"CR_Assign": "1"}}).status_code == 200)
    move = {"queueID": {"queueType": 2, "queueName": "Sales"}}
    check("move", client.call("POST", path + "/blind-transfer", move).status_code == 200)
    on = "true" if isinstance(client, GoLibrary) else True
    check("pickup", client.call("POST", path + "/pickup").status_code == 200)
    check("hold", client.call("POST", path + "/hold", {"on": on}).status_code == 200)
    check("held", client.call("GET", path + "?select=Eic_State").json()["attributes"]["Eic_State"] == "H")
    check("mute", client.call("POST", path + "/mute", {"on": True}).status_code == 200)
    end = client.call("POST", path + "/disconnect")
    check("end", end.status_code == 200 and end.content == b"")
    check("typed empty answer", end.headers["Content-Type"].lower().startswith("application/vnd.inin.icws+json"))

    seen = {"added": 0, "removed": 0, "states": []}
    deadline = time.time() + 5
    while not seen["removed"] and time.time() < deadline:
        for message in client.messages():
            seen["added"] += len(message.get("interactionsAdded", []))
            seen["removed"] += len(message.get("interactionsRemoved", []))
            for change in message.get("interactionsChanged", []):
                seen["states"].append(change["attributes"].get("Eic_State"))
        time.sleep(0.02)
    check("seen", seen["added"] == 1 and seen["removed"] == 1)
    check("states", [s for s in seen["states"] if s][-3:] == ["C", "H", "I"])
    gone = client.call("GET", path + "?select=Eic_State")
    check("gone", gone.status_code == 404 and gone.json()["message"])


def lists(client):
    groups = client.call("GET", "/configuration/workgroups").json()["items"]
    for group in groups:
        name = group["configurationId"]["id"]
        one = client.call("GET", f"/configuration/workgroups/{name}?select=members")
        check("members", isinstance(one.json()["members"], list))
    found = client.call("GET", "/configuration/users?select=workgroups&where=configurationId.id sw anna").json()
    check("user's workgroups", found["items"][0]["workgroups"][0]["id"] == "Support")
    page = client.call("GET", "/configuration/skills", headers={"Range": "items=1-1"})
    check("range", page.headers["Content-Range"] == "items 1-1/2" and len(page.json()["items"]) == 1)


def statuses(client):
    texts = client.call("GET", "/status/status-messages").json()["statusMessageList"]
    check("status texts", any(text["statusId"] == "Available" and text["isAcdStatus"] for text in texts))
    watch = {"userIds": ["caserouter"]}
    check("watch status", client.call("PUT", "/messaging/subscriptions/status/user-statuses", watch).ok)
    put = client.call("PUT", "/status/user-statuses/caserouter", {"statusId": "On Vacation"})
    check("set status", put.status_code == 202 and isinstance(put.json()["requestId"], str))
    kinds = {message["__type"]: message for message in client.messages()}
    done = kinds["urn:inin.com:messaging:asyncOperationCompletedMessage"]
    check("completed", done["requestId"] == put.json()["requestId"])
    news = kinds["urn:inin.com:status:userStatusMessage"]["userStatusList"][0]
    check("status message", news["statusId"] == "On Vacation" and news["statusChanged"].endswith("Z"))
    active = client.call("GET", "/activations/users/anna").json()
    check("activations", active["activations"] == {"Support": True})
    licences = client.call("POST", "/licenses", {"licenseList": ["I3_ACCESS_CLIENT"]})
    check("licences", licences.json()["licenseOperationResultList"][0]["isAvailable"])


def main(host, port):
    for kind in ALL:
        client = kind(host, port)
        journey(client)
        lists(client)
        statuses(client)
        check("logout", client.call("DELETE", "/connection").ok)
        check("over", client.call("GET", "/messaging/messages").status_code == 401)
    # One that asks the backup first is sent on.
    backup = GeneratedLibrary("127.0.0.2", port)
    check("redirected", backup.connect().status_code == 201 and backup.base.endswith(f"127.0.0.1:{port}"))
    check.report("habits")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
