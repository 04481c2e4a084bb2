/// Record ids: 15 case-sensitive characters, and three more that make them safe where case is lost.
enum SalesforceID {
    private static let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
    private static let checkAlphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345".utf8)

    /// The id of the `number`th record of a kind: ids rise with their number, in byte order too.
    ///
    /// - Parameter instance: two characters that tell orgs apart.
    static func make(prefix: String, instance: String, number: Int) -> String {
        var id = Array(prefix.utf8) + Array(instance.utf8) + [UInt8](repeating: UInt8(ascii: "0"), count: 10)
        var rest = number
        var position = 14
        while rest > 0, position > 5 {
            id[position] = alphabet[rest % 62]
            rest /= 62
            position -= 1
        }
        appendCheck(to: &id)
        return String(decoding: id, as: UTF8.self)
    }

    /// The 18-character form, or nil if `text` cannot be an id.
    static func normalized(_ text: String) -> String? {
        var id = Array(text.utf8)
        guard id.count == 15 || id.count == 18, id.allSatisfy(isIDCharacter) else { return nil }
        if id.count == 15 {
            appendCheck(to: &id)
            return String(decoding: id, as: UTF8.self)
        }
        return text
    }

    /// One character for each block of five: bit i is set where character i is an upper-case letter.
    private static func appendCheck(to id: inout [UInt8]) {
        for block in 0..<3 {
            var value = 0
            for bit in 0..<5 where (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(id[block * 5 + bit]) {
                value |= 1 << bit
            }
            id.append(checkAlphabet[value])
        }
    }

    private static func isIDCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: false
        }
    }
}
