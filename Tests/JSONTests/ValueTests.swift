import JSON
import Testing

@Suite struct ValueTests {
    let value: JSONValue = ["a": [1, 2.5, "x", true, .null], "b": ["c": "d"]]

    @Test func `members and elements are reached by subscript`() {
        #expect(value["a"]?[0]?.int == 1)
        #expect(value["a"]?[0]?.double == 1)
        #expect(value["a"]?[1]?.double == 2.5)
        #expect(value["a"]?[1]?.int == nil)
        #expect(value["a"]?[2]?.string == "x")
        #expect(value["a"]?[3]?.bool == true)
        #expect(value["a"]?[4]?.isNull == true)
        #expect(value["a"]?.array?.count == 5)
        #expect(value["b"]?["c"] == "d")
        #expect(value["b"]?.object?.map(\.name) == ["c"])
    }

    @Test func `what is not there is nil, not a crash`() {
        #expect(value["z"] == nil)
        #expect(value[0] == nil)
        #expect(value["a"]?[5] == nil)
        #expect(value["a"]?[-1] == nil)
        #expect(value["a"]?["a"] == nil)
        #expect(value.string == nil)
    }

    @Test func `members keep their order when read, changed and printed`() throws {
        let text = #"{"z":1,"a":{"y":[],"b":null},"m":"é"}"#
        let parsed = try JSONValue(parsing: Array(text.utf8))
        #expect(parsed.description == text)
        var object = try #require(parsed.object)
        object["a"] = 2
        object["new"] = true
        object["z"] = nil
        object["absent"] = nil
        #expect(JSONValue.object(object).description == #"{"a":2,"m":"é","new":true}"#)
        #expect(JSONObject(["a": 2, "m": "é", "new": true]) == object)
    }
}
