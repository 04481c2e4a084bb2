import JSON
import Testing

@Suite struct LimitTests {
    static func nested(_ depth: Int, _ open: String, _ close: String) -> [UInt8] {
        Array((String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth)).utf8)
    }

    @Test(arguments: [("[", "]"), (#"{"a":"#, "}")])
    func `a document may be nested as deep as the limit and no deeper`(open: String, close: String) throws {
        let limits = JSONLimits(maximumDepth: 5)
        let error = JSONError(.tooDeep, offset: 5 * open.utf8.count)
        #expect(try JSONValue(parsing: Self.nested(5, open, close), limits: limits) != .null)
        #expect(throws: error) { try JSONValue(parsing: Self.nested(6, open, close), limits: limits) }
        #expect(throws: error) { try JSONReader.decode(Self.nested(6, open, close), limits: limits) { _ in } }
    }

    @Test func `depth counts what is open, not what was opened`() throws {
        let limits = JSONLimits(maximumDepth: 2)
        let value = try JSONValue(parsing: Array("[[],[],[1],{},{\"a\":[]}]".utf8), limits: JSONLimits(maximumDepth: 3))
        #expect(value[4]?["a"] == .array([]))
        try JSONReader.decode(Array("[[],[1],{},{\"a\":1}]".utf8), limits: limits) { _ in }
    }

    @Test func `the deepest possible nesting is read and a million brackets are refused`() throws {
        let deepest = JSONLimits(maximumDepth: JSONLimits.deepestPossible)
        #expect(try JSONValue(parsing: Self.nested(512, "[", "]"), limits: deepest) != .null)
        let brackets = [UInt8](repeating: UInt8(ascii: "["), count: 1_000_000)
        #expect(throws: JSONError(.tooDeep, offset: 512)) { try JSONValue(parsing: brackets, limits: deepest) }
        #expect(throws: JSONError(.tooDeep, offset: 32)) { try JSONValue(parsing: brackets) }
    }

    @Test func `a document may have as many bytes as the limit and no more`() throws {
        let limits = JSONLimits(maximumBytes: 4)
        #expect(try JSONValue(parsing: Array("[12]".utf8), limits: limits) == [12])
        #expect(throws: JSONError(.tooManyBytes, offset: 4)) {
            try JSONValue(parsing: Array("[12] ".utf8), limits: limits)
        }
    }

    @Test(arguments: [#""abcde""#, #"{"abcde":1}"#, #""\u00412""#])
    func `a string or name beyond the limit is refused, counted as it was sent`(text: String) throws {
        let bytes = Array(text.utf8)
        let offset = text.hasPrefix("{") ? 2 : 1
        let length = text.hasSuffix("}") ? 5 : text.utf8.count - 2
        #expect(try JSONValue(parsing: bytes, limits: JSONLimits(maximumStringBytes: length)) != .null)
        #expect(throws: JSONError(.stringTooLong, offset: offset)) {
            try JSONValue(parsing: bytes, limits: JSONLimits(maximumStringBytes: length - 1))
        }
    }
}
