import CaseRouting
import Foundation
import Testing

@testable import CIC

struct DecodingTests {
    private let reader = ICWSMessageReader(installation: "ours", maximumBytes: 64 << 20)
    private static let attempt = AttemptID(high: 0x0123_4567_89AB_7DEF, low: 0x8123_4567_89AB_CDEF)

    private func message(_ text: String) throws -> ICWSMessage { try reader.message(Array(text.utf8)) }

    static func attributes(_ changes: [String: String] = [:]) -> String {
        var values = [
            "CR_Installation": "ours", "CR_Org": "00D000000000001AAA", "CR_CaseId": "500000000000001AAA",
            "CR_Episode": "3", "CR_AttemptId": attempt.description, "CR_Assign": "17", "Eic_State": "O",
        ]
        values.merge(changes) { $1 }
        return "{" + values.map { "\"\($0)\":\"\($1)\"" }.joined(separator: ",") + "}"
    }

    private func seen(_ changes: [String: String] = [:]) throws -> SeenInteraction? {
        let text = """
            {"interactionsAdded":[{"attributes":\(Self.attributes(changes)),"interactionId":"77"}],"isDelta":false,
             "subscriptionId":"q","__type":"urn:inin.com:queues:queueContentsMessage"}
            """
        guard case .queue(let queue) = try message(text) else { return nil }
        #expect(!queue.isDelta && queue.subscription == "q")
        return queue.added.first?.seen(orgs: ["00D000000000001AAA": "acme"])
    }

    @Test func `an interaction of ours is read, whatever the order of members`() throws {
        #expect(
            try seen()
                == SeenInteraction(
                    interaction: InteractionID("77"), episode: episode(3), attempt: Self.attempt, assignNumber: 17,
                    state: .waiting))
    }

    @Test(arguments: [
        ("A", SeenInteraction.State.alerting), ("C", .withAgent), ("H", .withAgent), ("M", .withAgent),
        ("P", .withAgent), ("X", .withAgent), ("O", .waiting), ("R", .waiting), ("S", .waiting), ("", .waiting),
        ("I", .ended), ("E", .ended), ("Q", .waiting),
    ])
    func `the state's letter says who has it`(_ letter: String, _ state: SeenInteraction.State) throws {
        #expect(try seen(["Eic_State": letter])?.state == state)
    }

    @Test func `a letter that nobody documented is decided by the user`() throws {
        #expect(try seen(["Eic_State": "Q", "Eic_UserName": "ann"])?.state == .withAgent)
        #expect(try seen(["Eic_State": "O", "Eic_UserName": "ann"])?.state == .waiting)
    }

    @Test(arguments: [
        ["CR_Installation": "theirs"], ["CR_Org": "00D000000000009AAA"], ["CR_CaseId": "no id"], ["CR_Episode": "x"],
        ["CR_Episode": "99999999999"], ["CR_AttemptId": "x"], ["CR_AttemptId": ""],
    ])
    func `what is not wholly ours is left out`(_ changes: [String: String]) throws {
        #expect(try seen(changes) == nil)
    }

    @Test func `an assign number that is no number counts as none`() throws {
        #expect(try seen(["CR_Assign": ""])?.assignNumber == 0)
        #expect(try seen(["CR_Assign": "9223372036854775808"])?.assignNumber == 0)
    }

    @Test func `names of attributes are read in any case, unknown and misshapen ones passed over`() throws {
        let text = """
            {"__type":"urn:inin.com:queues:queueContentsMessage","subscriptionId":"q","isDelta":true,"new":{"x":[1]},
             "interactionsChanged":[{"interactionId":"5","attributes":{"eic_state":"C","EIC_USERNAME":"ann","n":5}},
               {"interactionId":6,"attributes":{}},7,{"attributes":null,"interactionId":"8"}],
             "interactionsRemoved":["9",10,""],"interactionsAdded":[{"interactionId":"11","attributes":{"CR_Org":"x"}}]}
            """
        guard case .queue(let queue) = try message(text) else { throw CancellationError() }
        #expect(queue.changed.map(\.interaction.description) == ["5", "8"])
        #expect(queue.changed.first?.state == "C" && queue.changed.first?.hasUser == true)
        #expect(queue.removed.map(\.description) == ["9"])
        #expect(queue.added.isEmpty)
    }

    @Test func `the other messages`() throws {
        #expect(
            try message(
                """
                {"__type":"urn:inin.com:queues:queueSubscriptionStateMessage","subscriptionId":"q","state":3,
                 "error":{"errorId":"e","message":"no right"}}
                """) == .queueState(subscription: "q", state: 3, reason: "no right"))
        #expect(
            try message(
                """
                {"objectId":"o","eventId":"e","data":["a","b"],
                 "__type":"urn:inin.com:system:handlerSentNotificationMessage"}
                """) == .notification(object: "o", event: "e", data: ["a", "b"]))
        #expect(
            try message(
                #"{"data":["a",5],"__type":"urn:inin.com:system:handlerSentNotificationMessage"}"#) == .other)
        for down in ["2", #""Down""#] {
            #expect(
                try message(
                    """
                    {"__type":"urn:inin.com:connection:connectionStateChangeMessage","newConnectionState":\(down),
                     "reason":"switchover"}
                    """) == .down(reason: "switchover"))
        }
        #expect(
            try message(
                #"{"__type":"urn:inin.com:connection:connectionStateChangeMessage","newConnectionState":1}"#) == .other)
        #expect(try message(#"{"__type":"urn:inin.com:new","isDelta":"x"}"#) == .other)
        #expect(try message("5") == .other)
        #expect(try reader.messages(Array("[]".utf8)).isEmpty)
    }

    // MARK: Event streams

    private func events(_ pieces: [String], maximum: Int = 1 << 20) throws -> [String] {
        var parser = EventStreamParser(maximumBytes: maximum)
        var events: [String] = []
        for piece in pieces {
            try parser.append(Array(piece.utf8)) { events.append(String(decoding: $0, as: UTF8.self)) }
        }
        return events
    }

    @Test func `events are found however the stream is cut`() throws {
        let stream =
            ":ping\n\nid: 4\nevent: message\ndata: {\"a\":1}\n\ndata:{\"b\":2}\r\n\r\nretry: 5\r\rdata:\r\rdata: x\ndata: y\n\n"
        let expected = ["{\"a\":1}", "{\"b\":2}", "", "x\ny"]
        #expect(try events([stream]) == expected)
        #expect(try events(stream.utf8.map { String(decoding: [$0], as: UTF8.self) }) == expected)
        for cut in stream.utf8.indices {
            #expect(
                try events([
                    String(decoding: stream.utf8[..<cut], as: UTF8.self),
                    String(decoding: stream.utf8[cut...], as: UTF8.self),
                ]) == expected)
        }
    }

    @Test func `an event that is too large ends the stream`() {
        #expect(throws: EventStreamParser.TooLarge.self) {
            try events(["data: " + String(repeating: "x", count: 101)], maximum: 100)
        }
    }
}
