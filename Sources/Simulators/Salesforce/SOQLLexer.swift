/// Splits SOQL into words, literals and signs.
struct SOQLLexer {
    enum Token: Equatable {
        /// A name, keyword, number or date as written.
        case word(String)
        /// A string literal: its value, and the same with LIKE's wildcards told apart from escaped ones.
        case literal(String, pattern: String)
        case sign(String)
    }

    /// Marks an escaped `%` or `_` in a pattern; no text holds it.
    static let escapeMark: Character = "\u{1}"

    static func tokens(_ text: String) throws(SOQLError) -> [Token] {
        var tokens: [Token] = []
        let characters = Array(text.unicodeScalars)
        var at = 0
        while at < characters.count {
            let scalar = characters[at]
            switch scalar {
            case " ", "\n", "\t", "\r": at += 1
            case "'": tokens.append(try literal(characters, &at))
            case "(", ")", ",", "=":
                tokens.append(.sign(String(scalar)))
                at += 1
            case "!", "<", ">":
                let two =
                    at + 1 < characters.count
                    && (characters[at + 1] == "=" || (scalar == "<" && characters[at + 1] == ">"))
                if scalar == "!" && !two { throw .malformed("unexpected token: '!'") }
                tokens.append(.sign(two ? (characters[at + 1] == ">" ? "!=" : "\(scalar)=") : String(scalar)))
                at += two ? 2 : 1
            default:
                guard isWord(scalar) else { throw .malformed("unexpected token: '\(scalar)'") }
                let start = at
                while at < characters.count, isWord(characters[at]) { at += 1 }
                var word = String.UnicodeScalarView()
                word.append(contentsOf: characters[start..<at])
                tokens.append(.word(String(word)))
            }
        }
        return tokens
    }

    /// Letters, digits, and what dates, numbers and paths are made of.
    private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", "_", ".", ":", "-", "+": true
        default: false
        }
    }

    private static func literal(_ characters: [Unicode.Scalar], _ at: inout Int) throws(SOQLError) -> Token {
        at += 1
        var value = String.UnicodeScalarView()
        var pattern = String.UnicodeScalarView()
        while at < characters.count {
            let scalar = characters[at]
            at += 1
            if scalar == "'" { return .literal(String(value), pattern: String(pattern)) }
            guard scalar == "\\" else {
                value.append(scalar)
                pattern.append(scalar)
                continue
            }
            guard at < characters.count else { break }
            let escape = characters[at]
            at += 1
            let meant: Unicode.Scalar
            switch escape {
            case "n", "N": meant = "\n"
            case "r", "R": meant = "\r"
            case "t", "T": meant = "\t"
            case "b", "B": meant = "\u{8}"
            case "f", "F": meant = "\u{C}"
            case "\\", "'", "\"": meant = escape
            case "_", "%":
                pattern.append(contentsOf: Self.escapeMark.unicodeScalars)
                meant = escape
            case "u":
                guard at + 4 <= characters.count,
                    let code = UInt32(String(String.UnicodeScalarView(characters[at..<at + 4])), radix: 16),
                    let decoded = Unicode.Scalar(code)
                else { throw .malformed("invalid unicode escape") }
                at += 4
                meant = decoded
            default: throw .malformed("invalid escape sequence '\\\(escape)'")
            }
            value.append(meant)
            pattern.append(meant)
        }
        throw .malformed("unexpected end of string literal")
    }
}
