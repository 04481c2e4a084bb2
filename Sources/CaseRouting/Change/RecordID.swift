/// The id of a Salesforce record in its 18-character form.
///
/// Salesforce shows ids with 15 characters, case-sensitive, or with three check characters more. Administrators paste
/// either, so both are read; stored and compared is only the longer one.
public struct RecordID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Eighteen characters of `A–Z`, `a–z` and `0–9`.
    public let description: String

    /// - Throws: `InvalidRecordID` when the text is not an id, or when its check characters are wrong.
    public init(_ text: some StringProtocol) throws(InvalidRecordID) {
        var count = 0, upperCase: UInt32 = 0, check: UInt32 = 0
        for byte in text.utf8 {
            guard count < 18, Self.isAlphanumeric(byte) else { throw InvalidRecordID() }
            if count >= 15 {
                check = check << 8 | UInt32(byte)
            } else if (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) {
                upperCase |= 1 << UInt32(count)
            }
            count += 1
        }
        let expected = Self.checkCharacters(upperCase: upperCase)
        switch count {
        case 15:
            description =
                String(text)
                + String(decoding: [16, 8, 0].map { UInt8(truncatingIfNeeded: expected >> $0) }, as: UTF8.self)
        // Systems that ignore case may have changed it, and then these do not fit the others.
        case 18 where check == expected: description = String(text)
        default: throw InvalidRecordID()
        }
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

    /// For each block of five characters one letter, the first in the highest place: bit *i* says whether character *i*
    /// of the block is upper case.
    private static func checkCharacters(upperCase: UInt32) -> UInt32 {
        var letters: UInt32 = 0
        for block: UInt32 in 0..<3 {
            let bits = UInt8(truncatingIfNeeded: upperCase >> (block * 5)) & 31
            letters = letters << 8 | UInt32(bits < 26 ? UInt8(ascii: "A") + bits : UInt8(ascii: "0") + bits - 26)
        }
        return letters
    }
}

/// A text is not the id of a Salesforce record. It does not repeat the text, which may be hostile.
public struct InvalidRecordID: Error, CustomStringConvertible {
    public let description = "not a Salesforce record id: 15 or 18 letters and digits, check characters included"
}
