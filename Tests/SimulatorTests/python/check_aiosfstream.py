"""Uses aiosfstream-ng as anybody would, on a simulator: check_aiosfstream.py HOST:PORT [TOPIC]

SSL_CERT_FILE must name the authority's certificate. TOPIC is a PushTopic of an org with an older package.
"""

import asyncio
import json
import ssl
import sys
import urllib.request

import aiosfstream_ng.auth
import aiosfstream_ng
from aiosfstream_ng import RefreshTokenAuthenticator, PasswordAuthenticator, ReplayMarker, ReplayOption
from aiosfstream_ng.exceptions import AuthenticationError, ServerError

base = "https://" + sys.argv[1]
channel = "/topic/" + sys.argv[2] if len(sys.argv) > 2 else "/event/Routing_Request__e"
aiosfstream_ng.auth.TOKEN_URL = base + "/services/oauth2/token"
trust = ssl.create_default_context()


def expect(condition, what):
    if not condition:
        raise SystemExit(f"not as expected: {what}")


def post(path, body, token=None):
    request = urllib.request.Request(base + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    if token:
        request.add_header("Authorization", "Bearer " + token)
    with urllib.request.urlopen(request, context=trust, timeout=120) as answer:
        return json.loads(answer.read() or b"null")


def authenticator(password="passwordTOKEN"):
    return PasswordAuthenticator("case-router", "secret", "integration@example.com", password)


def Client(*arguments, **options):
    # Its ten seconds for coming back are few on a machine that does other things.
    return aiosfstream_ng.Client(*arguments, connection_timeout=120, **options)


async def receive(client):
    return await asyncio.wait_for(client.receive(), 120)


async def receive_new(client):
    """New events pass a client by until it has subscribed again: as many as it takes are made."""
    while True:
        await asyncio.to_thread(
            post, "/services/data/v62.0/sobjects/Case", {"Subject": "fourth"}, client.auth.access_token
        )
        try:
            return await asyncio.wait_for(client.receive(), 2)
        except asyncio.TimeoutError:
            pass


async def main():
    try:
        await Client(authenticator("wrong")).open()
        raise SystemExit("a wrong password was accepted")
    except AuthenticationError:
        pass

    # New events, and the marker the client stores for them.
    markers = {}
    async with Client(authenticator(), replay=markers) as client:
        await client.subscribe(channel)
        for subject in ["first", "second", "third"]:
            await asyncio.to_thread(
                post, "/services/data/v62.0/sobjects/Case", {"Subject": subject}, client.auth.access_token
            )
        events = [await receive(client) for _ in range(3)]
        expect(all(event["channel"] == channel for event in events), events)
        ids = [event["data"]["event"]["replayId"] for event in events]
        expect(ids == sorted(set(ids)), ids)
        if channel.startswith("/event/"):
            payloads = [event["data"]["payload"] for event in events]
            expect([p["Change__c"] for p in payloads] == ["created"] * 3, payloads)
            expect(markers[channel].replay_id == ids[2], markers)
        else:
            expect(all(event["data"]["event"]["type"] == "created" for event in events), events)
        await client.unsubscribe(channel)

    # From a stored id on: what came after it, and nothing else.
    stored = {channel: ReplayMarker("2026-01-01T00:00:00.000Z", ids[0])}
    async with Client(authenticator(), replay=stored) as client:
        await client.subscribe(channel)
        again = [(await receive(client))["data"]["event"]["replayId"] for _ in range(2)]
        expect(again == ids[1:], again)

    # An id outside the window is refused, with the text clients look for; the fallback replays everything.
    lost = {channel: ReplayMarker("2026-01-01T00:00:00.000Z", ids[2] + 999_999)}
    async with Client(authenticator(), replay=lost) as client:
        try:
            await client.subscribe(channel)
            raise SystemExit("a replay id outside the window was accepted")
        except ServerError as error:
            expect("you provided was invalid" in str(error), error)
    async with Client(authenticator(), replay=lost, replay_fallback=ReplayOption.ALL_EVENTS) as client:
        await client.subscribe(channel)
        expect([(await receive(client))["data"]["event"]["replayId"] for _ in range(3)] == ids, "fallback")

    # A session that the server forgot: the client shakes hands again by itself and still gets events.
    async with Client(authenticator(), replay=ReplayOption.NEW_EVENTS) as client:
        await client.subscribe(channel)
        await asyncio.to_thread(post, "/control/sessions/expire", {})
        new = await asyncio.wait_for(receive_new(client), 120)
        expect(new["data"]["event"]["replayId"] > ids[2], "event after a new handshake")

    try:
        await RefreshTokenAuthenticator("case-router", "secret", "none").authenticate()
        raise SystemExit("an unknown refresh token was accepted")
    except AuthenticationError as error:
        expect("expired access/refresh token" in str(error), error)
    print("aiosfstream-ng: ok")


asyncio.run(main())
