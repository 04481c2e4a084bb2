import JSON

/// A generator whose documents are the same on every run (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return word ^ word >> 31
    }
}

extension JSONValue {
    /// Any document: every kind, every range of Unicode, numbers of every size, `depth` levels at most.
    static func random(depth: Int, using generator: inout SeededGenerator) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 9 : 6), using: &generator) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &generator))
        case 2: return .int(Int(truncatingIfNeeded: generator.next()) >> Int.random(in: 0..<64, using: &generator))
        case 3: return .double(randomDouble(using: &generator))
        case 4, 5: return .string(randomString(using: &generator))
        case 6:
            let count = Int.random(in: 0..<6, using: &generator)
            return .array((0..<count).map { _ in random(depth: depth - 1, using: &generator) })
        default:
            var object = JSONObject()
            for index in 0..<Int.random(in: 0..<40, using: &generator) where Bool.random(using: &generator) {
                // A number in front keeps names apart even where Foundation takes two spellings for one.
                let name = "\(index)" + randomString(using: &generator)
                object[name] = random(depth: depth - 1, using: &generator)
            }
            return .object(object)
        }
    }

    private static func randomDouble(using generator: inout SeededGenerator) -> Double {
        if Bool.random(using: &generator) {
            return Double(Int.random(in: -1_000_000...1_000_000, using: &generator)) / 1000
        }
        let double = Double(bitPattern: generator.next())
        return double.isFinite ? double : 0.5
    }

    private static func randomString(using generator: inout SeededGenerator) -> String {
        var scalars = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0..<24, using: &generator) {
            let ranges: [ClosedRange<UInt32>] = [
                0x20...0x7E, 0x20...0x7E, 0x20...0x7E, 0x00...0x1F, 0x22...0x22, 0x5C...0x5C, 0x7F...0x7FF,
                0x800...0xFFFF,
                0x10000...0x10FFFF,
            ]
            let range = ranges[Int.random(in: ranges.indices, using: &generator)]
            if let scalar = UnicodeScalar(UInt32.random(in: range, using: &generator)) { scalars.append(scalar) }
        }
        return String(scalars)
    }

    /// Equality to the last bit: the scalars of strings, the sign of zero, the order of members.
    func isIdentical(to other: JSONValue) -> Bool {
        switch (self, other) {
        case (.double(let one), .double(let two)): one.bitPattern == two.bitPattern
        case (.string(let one), .string(let two)): one.utf8.elementsEqual(two.utf8)
        case (.array(let one), .array(let two)): one.elementsEqual(two) { $0.isIdentical(to: $1) }
        case (.object(let one), .object(let two)):
            one.elementsEqual(two) { $0.name.utf8.elementsEqual($1.name.utf8) && $0.value.isIdentical(to: $1.value) }
        default: self == other
        }
    }
}
