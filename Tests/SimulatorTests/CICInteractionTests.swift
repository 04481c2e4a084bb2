import Foundation
import Simulators
import TestSupport
import Testing

@Suite(.serialized) struct CICInteractionTests {
    @Test func `a generic interaction waits in holding, moves, ends, lingers and is gone`() async throws {
        try await CICTestSite.run(CICTestSite.configuration { $0.lingering = 300 }) { site in
            let session = try await site.session()
            let id = try await session.create(in: "Holding", ["CR_CaseId": "500A"])
            #expect(
                try await session.attributes(id, "cr_caseid,Eic_State,Eic_WorkgroupName,Unset")
                    == ["cr_caseid": "500A", "Eic_State": "O", "Eic_WorkgroupName": "Holding"])
            let transfer = ["queueID": ["queueType": 2, "queueName": "Support"] as [String: Any]]
            let moved = try await session.call("POST", "/interactions/\(id)/blind-transfer", transfer)
            #expect(moved.status == 200 && moved.body.isEmpty)
            #expect(moved.headers["content-type"] == "application/vnd.inin.icws+JSON; charset=utf-8")
            #expect(try await session.attributes(id, "Eic_WorkgroupName")["Eic_WorkgroupName"] == "Support")
            #expect(try await session.call("POST", "/interactions/\(id)/disconnect").status == 200)
            #expect(try await session.attributes(id, "Eic_State")["Eic_State"] == "I")
            try await eventually("deallocated") { try site.events(id).last == "deallocated" }
            #expect(try await session.call("GET", "/interactions/\(id)?select=Eic_State").status == 404)
            #expect(try await session.call("POST", "/interactions/\(id)/disconnect").status == 404)
            #expect(try site.events(id) == ["created", "moved", "disconnected", "deallocated"])
        }
    }

    @Test func `without select only the id is answered`() async throws {
        try await CICTestSite.run { site in
            let session = try await site.session()
            let id = try await session.create(in: "Holding", ["CR_CaseId": "500A"])
            let answer = try await session.call("GET", "/interactions/\(id)").json
            #expect(answer["attributes"] as? [String: String] == ["Eic_CallId": id])
        }
    }

    @Test func `a transfer names exactly one place, and one that exists`() async throws {
        try await CICTestSite.run { site in
            let session = try await site.session()
            let id = try await session.create(in: "Holding")
            let queue = ["queueType": 2, "queueName": "Support"] as [String: Any]
            let path = "/interactions/\(id)/blind-transfer"
            #expect(try await session.call("POST", path, ["queueID": queue, "target": "Support"]).status == 400)
            #expect(try await session.call("POST", path, [:] as [String: Any]).status == 400)
            let unknown = ["queueID": ["queueType": 2, "queueName": "support"] as [String: Any]]
            #expect(try await session.call("POST", path, unknown).status == 400)
            #expect(try await session.call("POST", path, ["target": "Workgroup Queue:Sales"]).status == 200)
            #expect(try await session.attributes(id, "Eic_WorkgroupName")["Eic_WorkgroupName"] == "Sales")
        }
    }

    @Test func `attributes are written, appended, and the server's own are refused`() async throws {
        try await CICTestSite.run { site in
            let session = try await site.session()
            let id = try await session.create(in: "Holding")
            let path = "/interactions/\(id)"
            for (body, value) in [
                (["attributes": ["CR_Notes": "a"]] as [String: Any], "a"),
                (["attributes": ["cr_notes": "b"], "appendMode": 1], "ab"),
                (["attributes": ["CR_NOTES": "c"], "appendMode": 2], "ab;c"),
            ] {
                #expect(try await session.call("POST", path, body).status == 200)
                #expect(try await session.attributes(id, "CR_Notes")["CR_Notes"] == value)
            }
            let refused = try await session.call("POST", path, ["attributes": ["Eic_State": "I"]])
            #expect(refused.status == 400)
            #expect(refused.json["propertyName"] as? String == "attributes")
            #expect(try await session.attributes(id, "Eic_State")["Eic_State"] == "O")
        }
    }

    @Test(arguments: ["ignored", "late"])
    func `attributes of a creation can be ignored or come late`(how: String) async throws {
        let configuration = CICTestSite.configuration {
            $0.createAttributes = how
            $0.createAttributesDelay = 200
        }
        try await CICTestSite.run(configuration) { site in
            let session = try await site.session()
            try await session.watch("Holding")
            let id = try await session.create(in: "Holding", ["CR_CaseId": "500A"])
            let messages = try await session.poll()
            #expect(attributes(messages, "interactionsAdded", id) == [["Eic_State": "O"]])
            if how == "late" {
                // On a busy machine both are told by then.
                let isLate = { attributes([$0], "interactionsChanged", id) == [["CR_CaseId": "500A"]] }
                if !messages.contains(where: isLate) { _ = try await session.message(isLate) }
                #expect(try site.events(id) == ["created", "attributes"])
            } else {
                #expect(try await session.attributes(id, "CR_CaseId") == [:])
            }
        }
    }

    @Test func `the other kinds of interaction are created too`() async throws {
        try await CICTestSite.run { site in
            let session = try await site.session()
            let queue = ["queueType": 2, "queueName": "Support"] as [String: Any]
            let sender: [String: Any] = [
                "__type": "urn:inin.com:interactions.email:emailContent", "sender": ["displayName": "us"],
            ]
            let bodies: [[String: Any]] = [
                ["__type": "urn:inin.com:interactions:createCallParameters", "target": "317"],
                [
                    "__type": "urn:inin.com:interactions.callback:createCallbackParameters", "target": "317",
                    "targetQueue": queue, "subject": "call me",
                ],
                ["__type": "urn:inin.com:interactions.email:createEmailParameters", "emailContent": sender],
            ]
            for body in bodies {
                let answer = try await session.call("POST", "/interactions", body)
                #expect(answer.status == 201 && answer.json["interactionId"] is String)
            }
            let wrong = ["__type": "urn:inin.com:interactions:createCallParameters"]
            let answer = try await session.call("POST", "/interactions", wrong)
            #expect(answer.status == 400)
            #expect(answer.json["__type"] as? String == "urn:inin.com:common:missingPropertyError")
            #expect(answer.json["propertyName"] as? String == "target")
        }
    }

    @Test func `pickup and hold show in the state`() async throws {
        try await CICTestSite.run { site in
            let session = try await site.session()
            let id = try await session.create(in: "Support")
            for (action, body, state) in [
                ("pickup", nil, "C"), ("hold", ["on": true] as [String: Any], "H"), ("hold", ["on": "false"], "C"),
            ] {
                #expect(try await session.call("POST", "/interactions/\(id)/\(action)", body).status == 200)
                #expect(try await session.attributes(id, "Eic_State")["Eic_State"] == state)
            }
            #expect(try await session.attributes(id, "Eic_UserName")["Eic_UserName"] == "caserouter")
        }
    }

    @Test func `watching one interaction tells of changes and of its end`() async throws {
        try await CICTestSite.run { site in
            let session = try await site.session()
            let id = try await session.create(in: "Holding", ["CR_CaseId": "500A"])
            let names = ["attributeNames": ["Eic_State", "CR_Assign"]]
            let path = "/messaging/subscriptions/interactions/\(id)"
            #expect(try await session.call("PUT", path, names).status == 204)
            let first = try await session.message { $0["interactionID"] as? String == id }
            #expect(first["isDelta"] as? Bool == false)
            _ = try await session.call("POST", "/interactions/\(id)", ["attributes": ["CR_Assign": "2"]])
            let second = try await session.message { $0["isDelta"] as? Bool == true }
            #expect(second["attributes"] as? [String: String] == ["CR_Assign": "2"])
            _ = try await session.call("POST", "/interactions/\(id)/disconnect")
            let end = try await session.message {
                $0["__type"] as? String == "urn:inin.com:interactions:interactionDeallocatedMessage"
            }
            #expect(end["interactionID"] as? String == id)
            #expect(try await session.call("PUT", path, names).status == 404)
        }
    }
}
