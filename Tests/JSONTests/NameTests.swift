import JSON
import Testing

@Suite struct NameTests {
    /// Reads every value of an object of numbers.
    static func sum(_ text: String) throws(JSONError) -> Int {
        try JSONReader.decode(Array(text.utf8)) { reader in
            var sum = 0
            try reader.object { _, reader in sum += try reader.int() }
            return sum
        }
    }

    @Test func `a name that is read twice is refused where it stands again`() {
        #expect(throws: JSONError(.repeatedName, offset: 8)) { try Self.sum(#"{"a":1,"a":2}"#) }
        #expect(throws: JSONError(.repeatedName, offset: 14)) { try Self.sum(#"{"a":1,"b":2,"a":2}"#) }
        #expect(throws: JSONError(.repeatedName, offset: 7)) { try Self.sum(#"{"":1,"":2}"#) }
    }

    @Test func `a name cannot hide behind an escape`() throws {
        #expect(throws: JSONError(.repeatedName, offset: 8)) { try Self.sum(#"{"a":1,"\u0061":2}"#) }
        #expect(throws: JSONError(.repeatedName, offset: 13)) { try Self.sum(#"{"\u0061":1,"a":2}"#) }
        let subject = try JSONReader.decode(Array(#"{"sub\u006Aect":"x"}"#.utf8)) { reader in
            var subject = ""
            try reader.object { key, reader in
                switch key {
                case "subject": subject = try reader.string()
                default: break
                }
            }
            return subject
        }
        #expect(subject == "x")
    }

    @Test func `names are told apart by their bytes`() throws {
        #expect(try Self.sum("{\"\u{E9}\":1,\"e\u{301}\":2,\"a\":4,\"A\":8,\"ab\":16}") == 31)
        let value = try JSONValue(parsing: Array("{\"\u{E9}\":1,\"e\u{301}\":2}".utf8))
        #expect(value["\u{E9}"] == 1)
        #expect(value["e\u{301}"] == 2)
    }

    @Test func `the same name may appear in an object and in one within it`() throws {
        let text = #"{"a":{"a":1,"b":{"a":2}},"b":[{"a":1},{"a":2}]}"#
        #expect(try JSONValue(parsing: Array(text.utf8)).description == text)
    }

    @Test func `names nobody reads may repeat`() throws {
        let sum = try JSONReader.decode(Array(#"{"x":1,"a":2,"x":[],"x":{}}"#.utf8)) { reader in
            var sum = 0
            try reader.object { key, reader in
                switch key {
                case "a": sum += try reader.int()
                default: break
                }
            }
            return sum
        }
        #expect(sum == 2)
    }

    @Test(arguments: [1, 2, 23, 24, 25, 26, 500])
    func `a repetition is found among any number of names`(count: Int) throws {
        let members = (0..<count).map { "\"name\($0)\":1" }
        #expect(try Self.sum("{\(members.joined(separator: ","))}") == count)
        for repeated in Set([0, count / 2, count - 1]) {
            let text = "{\(members.joined(separator: ",")),\(members[repeated])}"
            let error = #expect(throws: JSONError.self) { try Self.sum(text) }
            #expect(error == JSONError(.repeatedName, offset: text.utf8.count - members[repeated].utf8.count))
        }
    }

    @Test func `a literal matches a name of its own length only`() throws {
        var matched: [String] = []
        try JSONReader.decode(Array(#"{"i":1,"id":2,"idx":3,"":4}"#.utf8)) { reader in
            try reader.object { key, reader in
                switch key {
                case "": matched.append("empty")
                case "id": matched.append("id")
                default: matched.append("other \(String(key))")
                }
            }
        }
        #expect(matched == ["other i", "id", "other idx", "empty"])
    }
}
