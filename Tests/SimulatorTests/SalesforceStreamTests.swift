import Foundation
import TestSupport
import Testing

@testable import Simulators

@Suite struct SalesforceStreamTests {
    @Test func `the first connect is answered at once with advice, the next is held for the configured time`()
        async throws
    {
        try await SalesforceTestOrg.run({ $0.connectHold = 0.5 }) { org in
            let subscriber = try await SalesforceTestSubscriber(org)
            let first = try await subscriber.connect()
            #expect(first.first?["advice"]?["reconnect"] == .string("retry"))
            #expect(first.first?["advice"]?["timeout"] == .number(500))
            let start = ContinuousClock.now
            let second = try await subscriber.connect()
            let waited = ContinuousClock.now - start
            #expect(waited > .milliseconds(400) && waited < .seconds(20))
            #expect(second.first?["successful"] == .bool(true))
            #expect(second.first?["advice"] == nil)
        }
    }

    @Test func `a held connect is answered as soon as there is an event`() async throws {
        try await SalesforceTestOrg.run({ $0.connectHold = 30 }) { org in
            let subscriber = try await SalesforceTestSubscriber(org)
            try await subscriber.connect()
            try await subscriber.subscribe()
            async let answer = subscriber.connect()
            _ = try await org.createCase()
            let messages = try await answer
            #expect(messages.map { $0["channel"]?.string } == [SalesforceTestOrg.channel, "/meta/connect"])
        }
    }

    @Test func `replay gives all, what came after an id, or only what is new`() async throws {
        try await SalesforceTestOrg.run { org in
            let id = try await org.createCase()
            for skill in ["a", "b", "c"] { try await org.update(id, #"{"ObjectRouting_Skills__c":"\#(skill)"}"#) }
            let all = try await SalesforceTestSubscriber(org)
            try await all.connect()
            let retained = try await all.subscribe(replay: -2).filter { $0["data"] != nil }
            let ids = retained.compactMap(\.replayID)
            #expect(ids.count == 4)
            #expect(zip(ids, ids.dropFirst()).allSatisfy { $0 < $1 })
            let later = try await SalesforceTestSubscriber(org)
            try await later.connect()
            let rest = try await later.subscribe(replay: ids[1]).compactMap(\.replayID)
            #expect(rest == Array(ids[2...]))
            let new = try await SalesforceTestSubscriber(org)
            try await new.connect()
            #expect(try await new.subscribe(replay: -1).count == 1)
            try await org.update(id, #"{"ObjectRouting_Skills__c":"d"}"#)
            #expect(try await new.events(1).map(\.change) == ["skills-changed"])
        }
    }

    @Test func `an id outside the window fails the subscription only`() async throws {
        try await SalesforceTestOrg.run { org in
            _ = try await org.createCase()
            let subscriber = try await SalesforceTestSubscriber(org)
            try await subscriber.connect()
            let answer = try await subscriber.subscribe(replay: 82)
            #expect(answer.first?["successful"] == .bool(false))
            #expect(
                answer.first?["error"]
                    == .string(
                        "400::The replayId {82} you provided was invalid.  Please provide a valid ID, -2 to replay all "
                            + "events, or -1 to replay only new events."))
            #expect(try await subscriber.connect(timeout: 0).first?["successful"] == .bool(true))
        }
    }

    @Test func `after a reset of the stream every stored id is invalid and new events have other ids`() async throws {
        try await SalesforceTestOrg.run { org in
            _ = try await org.createCase()
            let subscriber = try await SalesforceTestSubscriber(org)
            try await subscriber.connect()
            let before = try #require(try await subscriber.subscribe(replay: -2).compactMap(\.replayID).first)
            try await org.control("streams/reset")
            let answer = try await subscriber.subscribe(replay: before)
            #expect(answer.first?["error"]?.string?.hasPrefix("400::The replayId") == true)
            try await subscriber.subscribe(replay: -2)
            _ = try await org.createCase()
            #expect(try #require(try await subscriber.events(1).first?.replayID) > before)
        }
    }

    @Test func `events leave the window when their retention is over`() async throws {
        try await SalesforceTestOrg.run({ $0.platformEventRetention = 0.2 }) { org in
            _ = try await org.createCase()
            let subscriber = try await SalesforceTestSubscriber(org)
            try await subscriber.connect()
            let deadline = ContinuousClock.now + .seconds(5)
            var retained = 1
            while retained > 0, ContinuousClock.now < deadline {
                retained = try await subscriber.subscribe(replay: -2).filter { $0["data"] != nil }.count
            }
            #expect(retained == 0)
        }
    }

    @Test func `a session without its cookie, of another client or forgotten is refused with what to do`() async throws
    {
        try await SalesforceTestOrg.run { org in
            let subscriber = try await SalesforceTestSubscriber(org)
            try await subscriber.connect()
            let connect =
                #"[{"channel":"/meta/connect","clientId":"\#(subscriber.clientID)","connectionType":"long-polling"}]"#
            let bare = try await subscriber.send(connect, cookie: "other=1")
            #expect(bare.first?["error"]?.string?.contains("no BAYEUX_BROWSER cookie present") == true)
            try await org.control("sessions/expire")
            let unknown = try await subscriber.connect()
            #expect(unknown.first?["error"] == .string("403::Unknown client"))
            #expect(unknown.first?["advice"]?["reconnect"] == .string("handshake"))
        }
    }

    @Test func `a client that does not come back within the time granted is forgotten`() async throws {
        try await SalesforceTestOrg.run({ $0.sessionExpiry = 0.3 }) { org in
            let subscriber = try await SalesforceTestSubscriber(org)
            try await subscriber.connect()
            let deadline = ContinuousClock.now + .seconds(5)
            while try await org.state()["sessions"]?.array?.isEmpty == false, ContinuousClock.now < deadline {}
            #expect(try await subscriber.connect().first?["error"] == .string("403::Unknown client"))
        }
    }

    @Test func `authentication failures differ between handshake and connect`() async throws {
        try await SalesforceTestOrg.run { org in
            let handshake = #"[{"channel":"/meta/handshake","supportedConnectionTypes":["long-polling"]}]"#
            let wrong = try await org.send(
                "POST", "/cometd/62.0", handshake, headers: ["Authorization": "Bearer nobody"])
            #expect(wrong.json.array?.first?["error"] == .string("403::Handshake denied"))
            #expect(
                wrong.json.array?.first?["ext"]?["sfdc"]?["failureReason"] == .string("401::Authentication invalid"))
            let none = SalesforceTestOrg(port: org.port, token: "", ledgerPath: org.ledgerPath)
            let missing = try await none.send("POST", "/cometd/62.0", handshake)
            #expect(
                missing.json.array?.first?["ext"]?["sfdc"]?["failureReason"]
                    == .string("401::Request requires authentication"))
            // A revoked token ends the session at the connect that is being held.
            let subscriber = try await SalesforceTestSubscriber(org)
            try await subscriber.connect()
            async let held = subscriber.connect()
            try await waitUntilHeld(org, 1)
            try await org.control("tokens/revoke")
            let answer = try await held
            #expect(answer.first?["error"] == .string("401::Authentication invalid"))
            #expect(answer.first?["advice"]?["reconnect"] == .string("none"))
        }
    }

    @Test func `bare and OAuth tokens are accepted as well as Bearer`() async throws {
        try await SalesforceTestOrg.run { org in
            let subscriber = try await SalesforceTestSubscriber(org)
            let connect =
                #"[{"channel":"/meta/connect","clientId":"\#(subscriber.clientID)","connectionType":"long-polling","advice":{"timeout":0}}]"#
            for header in [org.token, "OAuth \(org.token)", "Bearer \(org.token)"] {
                #expect(try await subscriber.send(connect, token: header).first?["successful"] == .bool(true))
            }
        }
    }

    @Test func `requests that are too long, of no version or of an old one are refused`() async throws {
        try await SalesforceTestOrg.run { org in
            let long = "[{\"channel\":\"\(String(repeating: "x", count: 33_000))\"}]"
            let tooLong = try await org.send("POST", "/cometd/62.0", long)
            #expect(tooLong.status == 413)
            #expect(tooLong.json.array?.first?["error"] == .string("413::Maximum Request Size Exceeded"))
            #expect(try await org.send("POST", "/cometd", "[]").status == 400)
            #expect(try await org.send("POST", "/cometd/36.0", "[]").status == 400)
        }
    }

    @Test func `several sessions and channels each get everything`() async throws {
        try await SalesforceTestOrg.run { org in
            _ = try await org.create(
                "PushTopic", #"{"Name":"Cases","Query":"SELECT Id FROM Case","ApiVersion":62.0}"#)
            let first = try await SalesforceTestSubscriber(org)
            let second = try await SalesforceTestSubscriber(org)
            for subscriber in [first, second] {
                try await subscriber.connect()
                try await subscriber.subscribe()
                try await subscriber.subscribe("/topic/Cases")
            }
            _ = try await org.createCase()
            for subscriber in [first, second] {
                let channels = try await subscriber.events(2).compactMap { $0["channel"]?.string }
                #expect(channels.sorted() == [SalesforceTestOrg.channel, "/topic/Cases"])
            }
            let unsubscribed = try await first.send(
                #"[{"channel":"/meta/unsubscribe","clientId":"\#(first.clientID)","subscription":"/topic/Cases"}]"#)
            #expect(unsubscribed.first?["successful"] == .bool(true))
            _ = try await org.createCase()
            #expect(try await first.events(1).map { $0["channel"]?.string } == [SalesforceTestOrg.channel])
            let left = try await first.send(#"[{"channel":"/meta/disconnect","clientId":"\#(first.clientID)"}]"#)
            #expect(left.first?["successful"] == .bool(true))
            #expect(try await org.state()["sessions"]?.array?.count == 1)
        }
    }

    @Test func `channels that do not exist, may not be used or have no name are refused`() async throws {
        try await SalesforceTestOrg.run { org in
            let subscriber = try await SalesforceTestSubscriber(org)
            try await subscriber.connect()
            for (channel, error) in [
                ("/topic/None", "400::The channel you requested to subscribe to doesn't exist"),
                ("topic/None", "400::Channel subscriptions must start with a leading '/'"),
                ("/meta/connect", "403::Restricted channel"),
            ] {
                let answer = try await subscriber.subscribe(channel)
                #expect(answer.first?["error"]?.string?.hasPrefix(error) == true, "\(channel): \(answer)")
            }
        }
    }

    @Test func `a long replay comes in batches and in order`() async throws {
        try await SalesforceTestOrg.run({ $0.eventsPerResponse = 50 }) { org in
            let records = (0..<175).map { #"{"attributes":{"type":"Case"},"Subject":"\#($0)"}"# }
            _ = try await org.rest(
                "POST", "/composite/sobjects", #"{"records":[\#(records.joined(separator: ","))]}"#)
            let subscriber = try await SalesforceTestSubscriber(org)
            try await subscriber.connect()
            let first = try await subscriber.subscribe(replay: -2).compactMap(\.replayID)
            #expect(first.count == 50)
            let ids = try await first + subscriber.events(125).compactMap(\.replayID)
            #expect(ids.count == 175)
            #expect(ids == ids.sorted() && Set(ids).count == 175)
        }
    }

    @Test func `500 connects are held at once and one case wakes them all`() async throws {
        try await SalesforceTestOrg.run({ $0.connectHold = 60 }) { org in
            let sockets = try (0..<500).map { _ in try SalesforceTestSocket(org: org) }
            for socket in sockets { try await socket.open() }
            for socket in sockets { try socket.send(socket.connect) }
            try await waitUntilHeld(org, 500)
            let start = ContinuousClock.now
            _ = try await org.createCase()
            for socket in sockets {
                let answer = try await socket.receive()
                #expect(answer.contains("\"Change__c\":\"created\""))
            }
            #expect(ContinuousClock.now - start < .seconds(30))
        }
    }

    private func waitUntilHeld(_ org: SalesforceTestOrg, _ count: Int) async throws {
        try await eventually("\(count) connects are held at once") {
            let sessions = try await org.state()["sessions"]?.array ?? []
            return sessions.count(where: { $0["connected"] == .bool(true) }) == count
        }
    }
}
