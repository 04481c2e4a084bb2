import CaseRouting
import TestSupport
import Testing

struct RequestMessageTests {
    @Test(arguments: ChangeKind.allCases)
    func `a change is read as it was written`(_ kind: ChangeKind) throws {
        var change = Sample.change(
            kind, 1_795_222_066, owner: Sample.queueB, previousOwner: Sample.user, isClosed: kind == .closed,
            skills: "Français; \"Gold\" \\ 2", comparedWith: kind == .observed ? 7 : nil)
        change.actor = Sample.otherUser
        change.row = Sample.id("a00A00000000001")
        change.versionEpoch = 3
        change.comparedVersion = kind == .observed ? 5 : nil
        change.isAsked = kind == .observed
        #expect(try RequestMessage(RequestMessage.encode(change)) == .change(change))
    }

    @Test func `a handle is read as it was written`() throws {
        let handle = RetryHandle(caseKey: Sample.caseKey, failureNumber: 12)
        let body = RequestMessage.encode(handle, cause: .skillsTooLong, failedAt: Sample.start)
        #expect(try RequestMessage(body) == .retry(handle))
    }

    /// A request as somebody may write it, with one member replaced.
    private func text(_ replacements: [String: String?] = [:]) -> [UInt8] {
        var members: [String: String] = [
            "specversion": "\"1.0\"", "id": "\"o:1\"", "source": "\"/orgs/main\"",
            "type": "\"caserouter.case.created.v1\"", "subject": "\"500A00000000001\"",
            "time": "\"2026-11-21T00:00:00Z\"",
            "data": """
            {"version": 1, "caseNumber": "1", "owner": "00GA00000000001", "skills": "", "priority": ""}
            """,
        ]
        for (name, value) in replacements { members[name] = value }
        let written = members.map { name, value in "\"\(name)\": \(value)" }
        return Array("{\(written.sorted().joined(separator: ", "))}".utf8)
    }

    @Test func `members that nobody knows are ignored`() throws {
        let body = text(["traceparent": "{\"a\": [1, 2, {}]}"])
        guard case .change(let change) = try RequestMessage(body) else {
            Issue.record("not a change")
            return
        }
        #expect(change.owner == Sample.queueA)
        #expect(change.caseID == Sample.caseID)
    }

    static let refused: [(String, String?, String)] = [
        ("specversion", nil, "specversion"), ("specversion", "\"2.0\"", "specversion is not 1.0"),
        ("id", "\"\"", "id is empty"), ("id", "\"\(String(repeating: "x", count: 121))\"", "longer than 120"),
        ("source", "\"main\"", "source is not"),
        ("source", "\"/orgs/\(String(repeating: "x", count: 90))\"", "source is not"),
        ("type", "\"caserouter.case.created.v2\"", "version that this worker does not know"),
        ("type", "\"caserouter.case.exploded.v1\"", "change that this version does not know"),
        ("type", "\"something.else.v1\"", "none that this version knows"),
        ("subject", "\"500\"", "subject is not a Salesforce record id"),
        ("time", "\"yesterday\"", "time is missing"), ("time", nil, "time is missing"),
        ("data", nil, "data"), ("data", "{}", "data.version is missing"),
        ("data", "{\"version\": -1}", "data.version is missing"), ("data", "{\"version\": 1}", "data.owner is missing"),
        ("data", "{\"version\": 1, \"owner\": \"me\"}", "data.owner is not a Salesforce"),
        ("data", "{\"version\": 1, \"owner\": \"00GA00000000001\", \"skills\": \"\\u0000\"}", "NUL"),
        (
            "data",
            "{\"version\": 1, \"owner\": \"00GA00000000001\", \"priority\": \"\(String(repeating: "x", count: 256))\"}",
            "longer than Salesforce's field"
        ),
        ("type", "\"caserouter.case.observed.v1\"", "comparedWith is missing"),
        ("type", "\"caserouter.retry.v1\"", "data.failure is missing"),
        ("data", "[]", "not a readable"), ("id", "1", "not a readable"),
    ]

    @Test(arguments: refused)
    func `what cannot be used is refused with a reason that names it`(_ sample: (String, String?, String)) {
        let (member, value, reason) = sample
        #expect {
            try RequestMessage(text([member: value]))
        } throws: { error in
            guard let error = error as? UnreadableMessage else { return false }
            return error.description.contains(reason)
        }
    }

    @Test(arguments: ["", "{", "null", "[]", "nonsense", "{\"specversion\": \"1.0\"}{}"])
    func `what is no CloudEvents message is refused`(_ body: String) {
        #expect(throws: UnreadableMessage.self) { try RequestMessage(Array(body.utf8)) }
    }

    @Test func `deep and long messages are refused`() {
        let deep = text(["x": String(repeating: "[", count: 40) + String(repeating: "]", count: 40)])
        #expect(throws: UnreadableMessage.self) { try RequestMessage(deep) }
        let long = text(["x": "\"\(String(repeating: "a", count: RequestMessage.maximumLength))\""])
        #expect(throws: UnreadableMessage.self) { try RequestMessage(long) }
    }

    @Test func `a reason repeats nothing of the content`() {
        #expect { try RequestMessage(text(["subject": "\"Mr Miller's card\""])) } throws: { error in
            !"\(error)".contains("Miller")
        }
    }
}
