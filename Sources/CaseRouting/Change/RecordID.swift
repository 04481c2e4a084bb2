/// The id of a Salesforce record in its 18-character form.
///
/// Salesforce shows ids with 15 characters, case-sensitive, or with three check characters more. Administrators paste
/// either, so both are read; stored and compared is only the longer one.
public struct RecordID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Eighteen characters of `A–Z`, `a–z` and `0–9`.
    public let description: String

    /// - Throws: `InvalidRecordID` when the text is not an id, or when its check characters are wrong.
    public init(_ text: some StringProtocol) throws(InvalidRecordID) {
        let bytes = Array(text.utf8)
        guard bytes.count == 15 || bytes.count == 18, bytes.allSatisfy(Self.isAlphanumeric) else {
            throw InvalidRecordID()
        }
        let whole = bytes.prefix(15) + Self.checkCharacters(of: bytes.prefix(15))
        // Systems that ignore case may have changed it in the check characters only.
        guard bytes.count == 15 || bytes.suffix(3).elementsEqual(whole.suffix(3)) else { throw InvalidRecordID() }
        description = String(decoding: whole, as: UTF8.self)
    }

    /// Owners are users or groups, and only their prefixes tell which: `005` and `00G`.
    public var isUser: Bool { description.hasPrefix("005") }
    public var isQueue: Bool { description.hasPrefix("00G") }

    public static func < (left: RecordID, right: RecordID) -> Bool { left.description < right.description }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: false
        }
    }

    /// For each block of five characters one letter: bit *i* says whether character *i* is upper case.
    private static func checkCharacters(of id: ArraySlice<UInt8>) -> [UInt8] {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345".utf8)
        return (0..<3).map { block in
            var bits = 0
            for place in 0..<5 where (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(id[block * 5 + place]) {
                bits |= 1 << place
            }
            return alphabet[bits]
        }
    }
}

/// A text is not the id of a Salesforce record. It does not repeat the text, which may be hostile.
public struct InvalidRecordID: Error, CustomStringConvertible {
    public let description = "not a Salesforce record id: 15 or 18 letters and digits, check characters included"
}
