import Foundation
import Simulators
import Testing

@Suite(.serialized) struct CICQueueTests {
    static func withAgent(_ change: @escaping (inout CICAgentConfiguration) -> Void) -> CICSimulatorConfiguration {
        CICTestSite.configuration {
            var agent = CICAgentConfiguration(name: "anna", workgroups: ["Support", "Sales"], skills: ["English"])
            agent.pickUpDelay = 60_000
            agent.handlingTime = 60_000
            change(&agent)
            $0.agents = [agent]
        }
    }

    @Test func `the first message replaces everything, later ones tell changes, and reading removes`() async throws {
        try await CICTestSite.run { site in
            let session = try await site.session()
            let old = try await session.create(in: "Support", ["CR_CaseId": "500A"])
            try await session.watch("Support", "Holding")
            var messages = try await session.poll()
            #expect(messages.map { $0["isDelta"] as? Bool } == [false])
            #expect(ids(messages, "interactionsAdded") == [old])
            #expect(try await session.poll().isEmpty)
            let new = try await session.create(in: "Sales")
            let move = ["queueID": ["queueType": 2, "queueName": "Holding"] as [String: Any]]
            _ = try await session.call("POST", "/interactions/\(new)/blind-transfer", move)
            _ = try await session.call("POST", "/interactions/\(old)/blind-transfer", move)
            _ = try await session.call("POST", "/interactions/\(old)/disconnect")
            messages = try await session.poll()
            #expect(ids(messages, "interactionsAdded") == [new])
            #expect(attributes(messages, "interactionsChanged", old) == [["Eic_State": "I"]])
            // It may have gone before that poll already.
            if ids(messages, "interactionsRemoved").isEmpty {
                messages = [try await session.message { $0["interactionsRemoved"] != nil }]
            }
            #expect(ids(messages, "interactionsRemoved") == [old])
            try await session.watch("Holding")
            messages = try await session.poll()
            #expect(messages.first?["isDelta"] as? Bool == false)
            #expect(ids(messages, "interactionsAdded") == [new])
        }
    }

    @Test func `several changes between two polls come in few messages, each interaction once in each`() async throws {
        try await CICTestSite.run { site in
            let session = try await site.session()
            try await session.watch("Support")
            _ = try await session.poll()
            try await site.control("interactions", ["workgroup": "Support", "count": 250])
            let messages = try await session.poll()
            #expect(messages.count == 3)
            #expect(Set(ids(messages, "interactionsAdded")).count == 250)
        }
    }

    @Test func `a queue that may not be read is reported asynchronously, the others are watched`() async throws {
        try await CICTestSite.run(CICTestSite.configuration { $0.unreadableWorkgroups = ["Sales"] }) { site in
            let session = try await site.session()
            let id = try await session.create(in: "Support")
            try await session.watch("Support", "Sales", "Nowhere")
            let messages = try await session.poll()
            #expect(ids(messages, "interactionsAdded") == [id])
            let state = messages.first {
                $0["__type"] as? String == "urn:inin.com:queues:queueSubscriptionStateMessage"
            }
            #expect(state?["state"] as? Int == 3 && state?["subscriptionId"] as? String == "q")
            let hidden = try await session.create(in: "Sales")
            #expect(try await session.call("GET", "/interactions/\(hidden)?select=Eic_State").status == 403)
        }
    }

    @Test(arguments: [true, false])
    func `an interaction with an agent stays listed or leaves the queue, as configured`(stays: Bool) async throws {
        var configuration = Self.withAgent { _ in }
        configuration.listsAssigned = stays
        try await CICTestSite.run(configuration) { site in
            let session = try await site.session()
            try await session.watch("Support")
            _ = try await session.poll()
            let id = try await session.create(in: "Support")
            let messages = try await session.poll()
            #expect(ids(messages, "interactionsAdded") == [id])
            if stays {
                #expect(attributes(messages, "interactionsChanged", id) == [["Eic_State": "A"]])
            } else {
                #expect(ids(messages, "interactionsRemoved") == [id])
            }
            try await site.control("interactions/\(id)/giveback")
            let back = try await session.poll()
            #expect(ids(back, stays ? "interactionsChanged" : "interactionsAdded") == [id])
        }
    }

    @Test func `fifty thousand interactions come in one snapshot`() async throws {
        try await CICTestSite.run { site in
            let session = try await site.session()
            try await site.control("interactions", ["workgroup": "Support", "count": 50_000])
            try await session.watch("Support")
            let messages = try await session.poll()
            #expect(messages.count == 1)
            #expect(ids(messages, "interactionsAdded").count == 50_000)
        }
    }

    @Test func `lists are selected, filtered, ordered, and cut at 200 when a property is asked for`() async throws {
        let configuration = CICTestSite.configuration {
            $0.workgroups += (0..<300).map { CICWorkgroup(name: "Team \($0 + 1000)") }
        }
        try await CICTestSite.run(configuration) { site in
            let session = try await site.session()
            func items(_ query: String, range: String? = nil) async throws -> ([[String: Any]], String?) {
                var headers = session.headers
                headers["Range"] = range
                let answer = try await site.send(
                    "GET", session.root + "/configuration/workgroups" + query, headers: headers)
                #expect(answer.status == 200)
                return (answer.json["items"] as? [[String: Any]] ?? [], answer.headers["content-range"])
            }
            func names(_ items: [[String: Any]]) -> [String] {
                items.compactMap { ($0["configurationId"] as? [String: Any])?["id"] as? String }
            }
            #expect(try await items("").0.count == 303)
            #expect(try await items("").0.allSatisfy { $0.keys.sorted() == ["configurationId"] })
            #expect(try await items("?select=hasQueue").0.count == 200)
            let page = try await items("?select=hasQueue", range: "items=200-399")
            #expect(page.0.count == 103 && page.1 == "items 200-302/303")
            let found = try await items("?select=*&where=configurationId.id%20sw%20s,queueType%20eq%205")
            #expect(names(found.0) == ["Sales", "Support"])
            #expect(found.0.first?["queueType"] as? Int == 5)
            let last = try await items("?orderBy=configurationId.id%20desc", range: "items=0-0")
            #expect(names(last.0) == ["Team 1299"])
            let one = try await session.call("GET", "/configuration/workgroups/Team%201001?select=isActive")
            #expect(one.json["isActive"] as? Bool == true)
            #expect(try await session.call("GET", "/configuration/workgroups/None").status == 404)
        }
    }

    @Test func `who watches a list hears of additions and removals`() async throws {
        try await CICTestSite.run { site in
            let session = try await site.session()
            let body: [String: Any] = ["configurationIds": ["*"], "properties": ["configurationId"]]
            let path = "/messaging/subscriptions/configuration/skills/s1"
            #expect(try await session.call("PUT", path, body).status == 200)
            let first = try await session.message { $0["isDelta"] as? Bool == false }
            #expect((first["added"] as? [Any])?.count == 2)
            try await site.control("skills", ["name": "French"])
            try await site.control("skills/French", method: "DELETE")
            let messages = try await session.poll()
            #expect((messages.first?["added"] as? [Any])?.count == 1)
            #expect(messages.last?["removed"] as? [String] == ["French"])
        }
    }
}
