/// One interaction's life for a case: from before it is created until its end was seen.
public struct Episode: Equatable, Sendable {
    public enum State: String, Sendable {
        /// An attempt to create may be under way; no interaction is known.
        case creating
        /// Its interaction is known and was not yet moved, as far as we know.
        case held
        /// On its workgroup.
        case placed
        /// A disconnect may have been sent: never used again.
        case ending
    }

    /// Counted per case from 1.
    public var number: Int32
    public var cic: String
    public var state: State
    public var interaction: InteractionID?
    /// The attempt whose interaction won; while creating, the newest attempt.
    public var attempt: AttemptID
    /// Until when the newest attempt to create may still be sent or answered, by the database's clock; `neverSent` where it
    /// is certain that it was not sent and will not be.
    public var attemptDeadline: Timestamp
    /// Where the last assign that we know of put it; nil: unknown, and unknown is never "as wanted".
    public var workgroup: String?
    public var skills: String?
    /// The greatest assign number that may have been sent; 0 for none.
    public var assignNumber: Int64
    /// Whether an agent has taken it: our copy of what the watch saw last; it may be old.
    public var isWithAgent: Bool

    /// The deadline of an attempt that never left. Before every other time, so that who does not know this one takes the
    /// attempt for long over.
    public static let neverSent = Timestamp(microseconds: 0)

    public init(
        number: Int32, cic: String, state: State, interaction: InteractionID? = nil, attempt: AttemptID,
        attemptDeadline: Timestamp, workgroup: String? = nil, skills: String? = nil, assignNumber: Int64 = 0,
        isWithAgent: Bool = false
    ) {
        self.number = number
        self.cic = cic
        self.state = state
        self.interaction = interaction
        self.attempt = attempt
        self.attemptDeadline = attemptDeadline
        self.workgroup = workgroup
        self.skills = skills
        self.assignNumber = assignNumber
        self.isWithAgent = isWithAgent
    }
}

/// What CIC calls an interaction. CIC uses ids again, so what identifies one is the id together with the attempt.
public struct InteractionID: Hashable, Sendable, CustomStringConvertible {
    public let description: String
    public init(_ text: String) { description = text }
}

/// Names one try to create an interaction, world-wide: a UUID of version 7, so that they sort by time.
public struct AttemptID: Hashable, Sendable, CustomStringConvertible {
    public let high: UInt64
    public let low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Makes an id from milliseconds since 1970, of which 48 bits count, and 74 random bits.
    public init(milliseconds: Int64, random: (UInt64, UInt64)) {
        high = UInt64(truncatingIfNeeded: milliseconds) << 16 | 0x7000 | random.0 & 0x0FFF
        low = 0x8000_0000_0000_0000 | random.1 & 0x3FFF_FFFF_FFFF_FFFF
    }

    /// Reads 32 hexadecimal digits with hyphens at the usual places.
    public init?(_ text: some StringProtocol) {
        var high: UInt64 = 0, low: UInt64 = 0, index = 0
        for byte in text.utf8 {
            defer { index += 1 }
            if index == 8 || index == 13 || index == 18 || index == 23 {
                guard byte == UInt8(ascii: "-") else { return nil }
                continue
            }
            guard let digit = Self.digit(byte) else { return nil }
            if index < 18 { high = high << 4 | digit } else { low = low << 4 | digit }
        }
        guard index == 36 else { return nil }
        self.init(high: high, low: low)
    }

    private static func digit(_ byte: UInt8) -> UInt64? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }

    public var description: String {
        String(unsafeUninitializedCapacity: 36) { text in
            var place = 0
            for digit in 0..<32 {
                if digit == 8 || digit == 12 || digit == 16 || digit == 20 {
                    text[place] = UInt8(ascii: "-")
                    place += 1
                }
                let word = digit < 16 ? high : low
                let nibble = UInt8(truncatingIfNeeded: word >> UInt64(60 - 4 * (digit % 16))) & 0xF
                text[place] = nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
                place += 1
            }
            return place
        }
    }
}
