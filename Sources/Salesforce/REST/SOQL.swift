import CaseRouting

/// Writes the parts of queries that come from outside (`salesforce.md` 4.2). Names come from `SourceNames`, which takes
/// letters, digits and `_` only; ids are `RecordID`s; everything else goes through `text`.
enum SOQL {
    /// Ids of one query: with their quotes they fill two thirds of the 16 KiB that a URI may have.
    static let idsPerQuery = 400
    /// Longest URI that Salesforce reads, host and path included.
    static let longestURI = 16_384

    /// A literal in its quotes.
    static func text(_ text: String) -> String {
        var literal = "'"
        for scalar in text.unicodeScalars {
            switch scalar {
            case "'": literal += "\\'"
            case "\\": literal += "\\\\"
            case "\n": literal += "\\n"
            case "\r": literal += "\\r"
            case "\t": literal += "\\t"
            default: literal.unicodeScalars.append(scalar)
            }
        }
        return literal + "'"
    }

    /// `('…','…')`
    static func list(_ ids: some Sequence<RecordID>) -> String {
        "(" + ids.map { "'\($0)'" }.joined(separator: ",") + ")"
    }

    /// A time literal, whole seconds because that is how Salesforce compares them.
    static func time(_ time: Timestamp) -> String {
        Timestamp(microseconds: time.seconds * 1_000_000).description
    }

    /// Leaves alone what stands for itself in a query of a URI and would only lengthen it.
    static func queryEncoded(_ text: String) -> String { encoded(text, keeping: "-._~'(),!:/*") }

    static func percentEncoded(_ text: String) -> String { encoded(text, keeping: "-._~") }

    private static func encoded(_ text: String, keeping kept: StaticString) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count + 64)
        let digits = Array("0123456789ABCDEF".utf8)
        for byte in text.utf8 {
            let isPlain =
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) && byte & 0x40 != 0
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            if isPlain || kept.withUTF8Buffer({ $0.contains(byte) }) {
                bytes.append(byte)
            } else if byte == 0x20 {
                bytes.append(UInt8(ascii: "+"))
            } else {
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
