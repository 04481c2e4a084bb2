import JSON
import Testing

@Suite struct WriterTests {
    static func text(_ body: (inout JSONObjectWriter) -> Void) -> String {
        String(decoding: JSONWriter.object(body), as: UTF8.self)
    }

    @Test func `members and elements are separated and nothing else`() {
        let text = Self.text { object in
            object.write("a", "x")
            object.write("b", -5)
            object.object("c") { _ in }
            object.array("d") { array in
                array.write(1)
                array.array { $0.write(true) }
                array.object { $0.writeNull("n") }
                array.write("s")
                array.writeNull()
            }
            object.write("e", 2.5)
            object.write("f", false)
            object.write("g", raw: Array("[1]".utf8))
            object.write("h", ["x", "y"])
            object.write("i", ["tree": [1]] as JSONValue)
        }
        #expect(
            text == #"{"a":"x","b":-5,"c":{},"d":[1,[true],{"n":null},"s",null],"e":2.5,"f":false,"g":[1],"#
                + #""h":["x","y"],"i":{"tree":[1]}}"#)
    }

    @Test func `an absent value leaves its member out`() {
        let text = Self.text { object in
            object.write("a", ifPresent: nil as String?)
            object.write("b", ifPresent: 1)
            object.write("c", ifPresent: nil as Int?)
            object.write("d", ifPresent: "x")
        }
        #expect(text == #"{"b":1,"d":"x"}"#)
    }

    @Test func `quotes, backslashes and control characters are escaped in values and names`() {
        let all = String(String.UnicodeScalarView((0..<0x80).compactMap(UnicodeScalar.init)))
        let expected =
            #"\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000b\f\r\u000e\u000f"#
            + #"\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001a\u001b\u001c\u001d\u001e\u001f"#
            + ##" !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"##
            + "\u{7F}"
        #expect(Self.text { $0.write(all, all) } == "{\"\(expected)\":\"\(expected)\"}")
    }

    @Test func `text beyond ASCII is written as UTF-8`() {
        #expect(Self.text { $0.write("é", "€ 😀 日本") } == "{\"é\":\"€ 😀 日本\"}")
    }

    @Test func `the ends of the number range are written in full`() {
        let array = JSONWriter.array { array in
            for int in [0, 9, 10, -1, Int.max, Int.min] { array.write(int) }
            array.write(Double.infinity)
            array.write(-0.0)
            array.write(1e100)
        }
        #expect(
            String(decoding: array, as: UTF8.self)
                == "[0,9,10,-1,9223372036854775807,-9223372036854775808,null,-0.0,1e+100]")
    }

    @Test func `a document is appended to what is there`() {
        var bytes = Array("x=".utf8)
        JSONWriter.append(to: &bytes, object: { $0.write("a", 1) })
        bytes.append(UInt8(ascii: "\n"))
        JSONWriter.append(to: &bytes, array: { $0.write("b") })
        JSONWriter.append(to: &bytes, string: "\"")
        #expect(String(decoding: bytes, as: UTF8.self) == "x={\"a\":1}\n[\"b\"]\"\\\"\"")
    }

    struct Refusal: Error {}

    @Test func `a closure's error passes through and the bytes before stay`() {
        var bytes = Array("x".utf8)
        #expect(throws: Refusal.self) {
            try JSONWriter.append(
                to: &bytes,
                object: { object throws(Refusal) in
                    try object.array("a") { _ throws(Refusal) in throw Refusal() }
                })
        }
        #expect(bytes.first == UInt8(ascii: "x"))
    }
}
