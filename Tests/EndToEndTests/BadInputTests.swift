import Foundation
import TestSupport
import Testing

/// Messages that nobody can use, between messages that everybody can: nothing stops and nothing is lost.
@Suite struct BadInputTests {
    private static let org = "acme"

    private static let orgs =
        "orgs: [{name: \(org), login_url: 'https://login.example', organization_id: 00D000000000001EAA, mode: live}]"

    /// A request as ingest writes it.
    private static func request(
        _ number: Int, org: String = org, type: String = "caserouter.case.created.v1",
        subject: String = "500000000000001AAA", skills: String = "", extra: String = ""
    ) -> String {
        // Changes from before the org was added are ignored.
        let time = Date().addingTimeInterval(2).formatted(.iso8601)
        return """
            {"specversion":"1.0","id":"o:row\(number)","source":"/orgs/\(org)","type":"\(type)","subject":"\(subject)",\
            "time":"\(time)","datacontenttype":"application/json","data":{"version":\(number),\
            "caseNumber":"\(number)","owner":"00G000000000001EAA","skills":"\(skills)"\(extra)}}
            """
    }

    private static func handle(_ type: String = "caserouter.retry.v1") -> String {
        """
        {"specversion":"1.0","id":"500000000000009:1","source":"/orgs/\(org)","type":"\(type)",\
        "subject":"500000000000009AAA","time":"2026-11-21T00:00:00Z","data":{"failure":1,"cause":"cic-refused"}}
        """
    }

    /// The body, and a word of the reason.
    private static let bad: [(body: [UInt8], reason: String)] = [
        (Array("not JSON".utf8), "not a readable"),
        ([0xFF, 0xFE, 0x00, 0x80], "not a readable"),
        (Array(request(901, extra: ",\"note\":\"\(String(repeating: "x", count: 300 * 1024))\"").utf8), "262144 bytes"),
        (
            Array(
                request(
                    902, extra: ",\"deep\":" + String(repeating: "[", count: 40) + String(repeating: "]", count: 40)
                ).utf8), "not a readable"
        ),
        (Array(request(903, type: "caserouter.case.created.v2").utf8), "version that this worker does not know"),
        (Array(request(904, type: "caserouter.case.painted.v1").utf8), "change that this version does not know"),
        (Array(request(905, subject: "500-no-such-id").utf8), "subject"),
        (Array(request(906, subject: "500000000000001ZZZ").utf8), "subject"),
        (Array(handle("caserouter.retry.v2").utf8), "type"),
        (Array(request(907, org: "nobody").utf8), "not set up"),
    ]

    @Test func `what cannot be read is put aside with its reason while its neighbours flow`() async throws {
        try await Installation.with { installation in
            try await installation.apply(Self.orgs)
            let worker = try await installation.start("route")
            for (number, one) in Self.bad.enumerated() {
                try await installation.publish(Array(Self.request(2 * number + 1).utf8))
                try await installation.publish(one.body)
                try await installation.publish(Array(Self.request(2 * number + 2).utf8))
            }
            let good = (1...2 * Self.bad.count).map { "o:row\($0)" }
            try await eventually("the good ones are merged") {
                try await installation.query("SELECT event_key FROM caserouter.requests WHERE seen_at IS NOT NULL")
                    .sorted() == good.sorted()
            }
            try await eventually("the bad ones are in caserouter.dead") {
                try await installation.bodies(in: "caserouter.dead").count == Self.bad.count
            }
            let reasons = try await installation.query("SELECT reason FROM caserouter.undecodable")
            #expect(reasons.count == Self.bad.count)
            for one in Self.bad {
                #expect(reasons.contains { $0.contains(one.reason) }, "\(one.reason) in \(reasons)")
            }
            #expect(try await installation.bodies(in: "caserouter.requests") == [])
            #expect(worker.process.exitStatus == nil)
        }
    }

    @Test func `what people put into a queue by hand does no harm`() async throws {
        try await Installation.with { installation in
            try await installation.apply(Self.orgs)
            let handle = Array(Self.handle().utf8)
            for queue in ["caserouter.requests", "caserouter.failed", "caserouter.dead"] {
                try await installation.publish(handle, to: queue)
                try await installation.publish(Array("by hand".utf8), to: queue)
            }
            // A good request in the wrong queue is not lost: housekeeping takes it in at its first look.
            try await installation.publish(Array(Self.request(1).utf8), to: "caserouter.dead")
            let worker = try await installation.start("route")
            try await installation.publish(Array(Self.request(2).utf8))
            try await eventually("both requests are merged") {
                try await installation.query("SELECT event_key FROM caserouter.requests WHERE seen_at IS NOT NULL")
                    .sorted() == ["o:row1", "o:row2"]
            }
            try await eventually("only what cannot be read is left") {
                try await installation.bodies(in: "caserouter.dead") == ["by hand", "by hand"]
            }
            #expect(try await installation.bodies(in: "caserouter.requests") == [])
            #expect(try await installation.bodies(in: "caserouter.failed").count == 2)
            let cases = try await installation.query("SELECT case_id FROM caserouter.cases")
            #expect(cases == ["500000000000001AAA"])
            #expect(worker.process.exitStatus == nil)
        }
    }

    @Test func `a case whose skills cannot be used is failed with a sentence while its neighbours are routed`()
        async throws
    {
        try await FailingSite.with { site in
            let worker = try await site.installation.start("route")
            for (number, skills) in ["English|German", "German", String(repeating: "a", count: 300)].enumerated() {
                try await site.publish(number + 1, skills: skills)
            }
            try await site.untilFailed(2)
            try await site.untilRouted(2)
            let failed = try await site.installation.query(
                "SELECT kind || ': ' || cause || ': ' || summary FROM caserouter.failed_requests ORDER BY case_id")
            #expect(
                failed == [
                    "permanent: skills-malformed: The skills field of the case holds '|' or a control character. "
                        + "Separate skills by ';' in Salesforce.",
                    "permanent: skills-too-long: The skills field of the case is longer than 255 characters. "
                        + "Shorten it in Salesforce.",
                ])
            #expect(worker.process.exitStatus == nil)
        }
    }
}
