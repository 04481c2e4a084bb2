import JSON
import Testing

/// A routing request as adapters read it: nested objects, an array, unknown members.
struct SampleRequest: Equatable {
    var id: String
    var subject: String
    var owner: String?
    var skills: [String]
    var priority: Int

    init(parsing bytes: [UInt8], limits: JSONLimits = JSONLimits()) throws(JSONError) {
        self = try JSONReader.decode(bytes, limits: limits) { reader in
            var id: String?
            var subject: String?
            var owner: String?
            var skills: [String] = []
            var priority = 0
            try reader.object { key, reader in
                switch key {
                case "id": id = try reader.string()
                case "subject": subject = try reader.string()
                case "data":
                    try reader.object { key, reader in
                        switch key {
                        case "owner": owner = try reader.optionalString()
                        case "skills": skills = try reader.strings()
                        case "priority": priority = try reader.int()
                        default: break
                        }
                    }
                default: break
                }
            }
            return SampleRequest(
                id: try reader.required(id, "id"), subject: try reader.required(subject, "subject"), owner: owner,
                skills: skills, priority: priority)
        }
    }

    init(id: String, subject: String, owner: String?, skills: [String], priority: Int) {
        self.id = id
        self.subject = subject
        self.owner = owner
        self.skills = skills
        self.priority = priority
    }

    var bytes: [UInt8] {
        JSONWriter.object { object in
            object.write("specversion", "1.0")
            object.write("id", id)
            object.write("subject", subject)
            object.object("data") { data in
                data.write("owner", ifPresent: owner)
                data.write("skills", skills)
                data.write("priority", priority)
            }
        }
    }
}

@Suite struct RequestTests {
    let request = SampleRequest(
        id: "o:a01", subject: "500000000000001AAA", owner: "00G000000000001", skills: ["French", "Gold \"1\"\n"],
        priority: -50)

    @Test func `a request that was written reads back as it was`() throws {
        #expect(try SampleRequest(parsing: request.bytes) == request)
    }

    @Test func `members nobody asks for are skipped whatever they hold`() throws {
        let text = #"""
            { "extra" : [ { "a" : [ 1, 2.5e3, null ] }, "x" ], "id":"1", "subject":"2" , "more":{}, "data" :
            {"skills":["A"],"unknown":true,"owner":null} }
            """#
        let expected = SampleRequest(id: "1", subject: "2", owner: nil, skills: ["A"], priority: 0)
        #expect(try SampleRequest(parsing: Array(text.utf8)) == expected)
    }

    @Test func `a missing member is named, and nothing of the document`() {
        let error = JSONError(.missing("subject"), offset: 15)
        #expect(throws: error) { try SampleRequest(parsing: Array(#"{"id":"secret"}"#.utf8)) }
        #expect(error.description == #"The JSON document lacks "subject" (byte 15)."#)
    }

    @Test func `a value of the wrong kind says which was needed`() {
        let error = JSONError(.mismatch(expected: .string, found: .number), offset: 6)
        #expect(throws: error) { try SampleRequest(parsing: Array(#"{"id":17}"#.utf8)) }
        #expect(error.description == "The JSON document holds a number where a string is needed (byte 6).")
    }
}
