/// A parsed query, with every name resolved against the org's objects.
struct SOQLQuery {
    /// A field of the object itself, or of a record it refers to.
    enum Path {
        case own(Int)
        /// `Owner.Name`: position of the reference, and the name of the field looked for there.
        case related(through: Int, relationship: String, field: String)
    }

    struct Column {
        let name: String
        let path: Path
    }

    enum Output {
        case columns([Column])
        /// `COUNT()`: only the number.
        case count
        /// `COUNT(Id)`: one row with one figure per item, under these names.
        case aggregates([(name: String, path: Path)])
    }

    enum Comparison {
        case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual
    }

    indirect enum Condition {
        case all([Condition])
        case any([Condition])
        case not(Condition)
        case compare(Path, Comparison, SObjectValue)
        case isIn(Path, Set<String>, negated: Bool)
        case inQuery(Path, SOQLQuery, negated: Bool)
        /// A LIKE pattern in lower case, with wildcards.
        case like(Path, [SOQLPattern.Element])
        case truth(Path)
    }

    struct Order {
        let path: Path
        let descending: Bool
        let nullsLast: Bool
    }

    let type: SObjectType
    let output: Output
    let condition: Condition?
    let order: [Order]
    let limit: Int?
    let offset: Int
}

/// Why a query was refused, in Salesforce's words.
struct SOQLError: Error {
    let code: String
    let message: String

    static func malformed(_ message: String) -> SOQLError {
        SOQLError(code: "MALFORMED_QUERY", message: message)
    }
}

/// How SOQL compares.
enum SOQLCompare {
    /// By bytes, as ids are ordered: Swift's own order is by characters.
    static func bytes(_ left: String, _ right: String) -> Int {
        var left = left.utf8.makeIterator()
        var right = right.utf8.makeIterator()
        while true {
            switch (left.next(), right.next()) {
            case (nil, nil): return 0
            case (nil, _): return -1
            case (_, nil): return 1
            case (let a?, let b?):
                if a != b { return a < b ? -1 : 1 }
            }
        }
    }

    /// Negative, zero or positive; nil where the two cannot be compared. Nothing sorts before everything.
    static func order(_ left: SObjectValue, _ right: SObjectValue, caseSensitive: Bool) -> Int? {
        switch (left, right) {
        case (.null, .null): 0
        case (.null, _): -1
        case (_, .null): 1
        case (.text(let a), .text(let b)): caseSensitive ? bytes(a, b) : bytes(a.lowercased(), b.lowercased())
        case (.number(let a), .number(let b)): a < b ? -1 : a > b ? 1 : 0
        case (.time(let a), .time(let b)): a < b ? -1 : a > b ? 1 : 0
        case (.bool(let a), .bool(let b)): a == b ? 0 : a ? 1 : -1
        default: nil
        }
    }
}

/// The wildcards of LIKE.
enum SOQLPattern {
    enum Element {
        case byte(UInt8)
        case one
        case any
    }

    static func matches(_ text: String, _ pattern: [Element]) -> Bool {
        let text = Array(text.lowercased().utf8)
        // Positions of the pattern that can be reached after each byte of the text.
        var reached = closure(of: [0], in: pattern)
        for byte in text {
            var next: Set<Int> = []
            for position in reached where position < pattern.count {
                switch pattern[position] {
                case .byte(let expected): if expected == byte { next.insert(position + 1) }
                case .one: next.insert(position + 1)
                case .any: next.insert(position)
                }
            }
            reached = closure(of: next, in: pattern)
            if reached.isEmpty { return false }
        }
        return reached.contains(pattern.count)
    }

    /// A `%` may also stand for nothing.
    private static func closure(of positions: Set<Int>, in pattern: [Element]) -> Set<Int> {
        var result = positions
        for start in positions {
            var position = start
            while position < pattern.count, case .any = pattern[position] {
                position += 1
                result.insert(position)
            }
        }
        return result
    }
}
