/// Reads the part of SOQL that routing and ordinary clients use.
///
/// SELECT with fields of one relationship level, COUNT, WHERE with every comparison, AND, OR, NOT, IN with a list or a
/// sub-select of one column, LIKE, ORDER BY, LIMIT and OFFSET. Anything else is refused as `MALFORMED_QUERY`.
struct SOQLParser {
    private let tokens: [SOQLLexer.Token]
    private let catalogue: SObjectCatalogue
    private var at = 0

    static func parse(_ text: String, _ catalogue: SObjectCatalogue) throws(SOQLError) -> SOQLQuery {
        var parser = SOQLParser(tokens: try SOQLLexer.tokens(text), catalogue: catalogue)
        let query = try parser.query()
        guard parser.at == parser.tokens.count else { throw parser.unexpected }
        return query
    }

    private init(tokens: [SOQLLexer.Token], catalogue: SObjectCatalogue) {
        self.tokens = tokens
        self.catalogue = catalogue
    }

    private mutating func query() throws(SOQLError) -> SOQLQuery {
        try expect("SELECT")
        var items: [String] = []
        repeat { items.append(try selectItem()) } while takeSign(",")
        try expect("FROM")
        let name = try word()
        guard let type = catalogue[name], !type.isEvent else {
            throw SOQLError(
                code: "INVALID_TYPE",
                message:
                    "sObject type '\(name)' is not supported. If you are attempting to use a custom object, be sure "
                    + "to append the '__c' after the entity name.")
        }
        let condition = takeWord("WHERE") ? try any(type) : nil
        var order: [SOQLQuery.Order] = []
        if takeWord("ORDER") {
            try expect("BY")
            repeat { order.append(try orderItem(type)) } while takeSign(",")
        }
        let limit = takeWord("LIMIT") ? try number() : nil
        let offset = takeWord("OFFSET") ? try number() : 0
        if takeWord("FOR") { _ = try word() }
        return SOQLQuery(
            type: type, output: try output(items, type), condition: condition, order: order, limit: limit,
            offset: offset)
    }

    /// A field, or `COUNT()` / `COUNT(field)` kept as text until the object is known.
    private mutating func selectItem() throws(SOQLError) -> String {
        let name = try word()
        guard takeSign("(") else { return name }
        guard name.lowercased() == "count" else { throw .malformed("unknown function: \(name)") }
        if takeSign(")") { return "count()" }
        let field = try word()
        try expectSign(")")
        // An alias follows without a comma.
        if case .word(let alias)? = peek, alias.uppercased() != "FROM" {
            at += 1
            return "count(\(field)) \(alias)"
        }
        return "count(\(field))"
    }

    private func output(_ items: [String], _ type: SObjectType) throws(SOQLError) -> SOQLQuery.Output {
        if items == ["count()"] { return .count }
        var aggregates: [(name: String, path: SOQLQuery.Path)] = []
        var columns: [SOQLQuery.Column] = []
        for item in items {
            if item.hasPrefix("count("), let close = item.firstIndex(of: ")") {
                let field = String(item[item.index(item.startIndex, offsetBy: 6)..<close])
                guard !field.isEmpty else { throw .malformed("COUNT() must be the only element in the SELECT list") }
                let alias = item[item.index(after: close)...].drop { $0 == " " }
                let name = alias.isEmpty ? "expr\(aggregates.count)" : String(alias)
                aggregates.append((name, try path(field, type)))
            } else {
                let path = try path(item, type)
                columns.append(.init(name: canonicalName(item, path, type), path: path))
            }
        }
        if aggregates.isEmpty { return .columns(columns) }
        guard columns.isEmpty else { throw .malformed("Field must be grouped or aggregated: \(columns[0].name)") }
        return .aggregates(aggregates)
    }

    private func canonicalName(_ written: String, _ path: SOQLQuery.Path, _ type: SObjectType) -> String {
        if case .own(let slot) = path { type.fields[slot].name } else { written }
    }

    private mutating func orderItem(_ type: SObjectType) throws(SOQLError) -> SOQLQuery.Order {
        let path = try path(try word(), type)
        let descending = takeWord("DESC")
        if !descending { _ = takeWord("ASC") }
        var nullsLast = false
        if takeWord("NULLS") {
            nullsLast = takeWord("LAST")
            if !nullsLast { try expect("FIRST") }
        }
        return .init(path: path, descending: descending, nullsLast: nullsLast)
    }

    // MARK: Conditions

    private mutating func any(_ type: SObjectType) throws(SOQLError) -> SOQLQuery.Condition {
        let first = try all(type)
        guard peekWord("OR") else { return first }
        var parts = [first]
        while takeWord("OR") { parts.append(try all(type)) }
        return .any(parts)
    }

    private mutating func all(_ type: SObjectType) throws(SOQLError) -> SOQLQuery.Condition {
        let first = try factor(type)
        guard peekWord("AND") else { return first }
        var parts = [first]
        while takeWord("AND") { parts.append(try factor(type)) }
        return .all(parts)
    }

    private mutating func factor(_ type: SObjectType) throws(SOQLError) -> SOQLQuery.Condition {
        if takeWord("NOT") { return .not(try factor(type)) }
        if takeSign("(") {
            let inner = try any(type)
            try expectSign(")")
            return inner
        }
        let name = try word()
        let path = try path(name, type)
        if takeWord("LIKE") {
            guard case .literal(_, let pattern)? = next() else { throw unexpected }
            return .like(path, Self.elements(of: pattern))
        }
        if takeWord("NOT") {
            try expect("IN")
            return try membership(path, name, type, negated: true)
        }
        if takeWord("IN") { return try membership(path, name, type, negated: false) }
        guard case .sign(let sign)? = peek, let comparison = Self.comparisons[sign] else { return .truth(path) }
        at += 1
        return .compare(path, comparison, try value(for: path, name, type))
    }

    private mutating func membership(
        _ path: SOQLQuery.Path, _ name: String, _ type: SObjectType, negated: Bool
    ) throws(SOQLError) -> SOQLQuery.Condition {
        try expectSign("(")
        if peekWord("SELECT") {
            let inner = try query()
            try expectSign(")")
            guard case .columns(let columns) = inner.output, columns.count == 1 else {
                throw .malformed("The inner select must have one column")
            }
            return .inQuery(path, inner, negated: negated)
        }
        var values: Set<String> = []
        let isID = if case .own(let slot) = path { type.fields[slot].isID } else { false }
        repeat { values.insert(SOQLEvaluator.key(try value(for: path, name, type), isID: isID)) } while takeSign(",")
        try expectSign(")")
        return .isIn(path, values, negated: negated)
    }

    /// A literal in the form in which the field keeps its values.
    private mutating func value(
        for path: SOQLQuery.Path, _ name: String, _ type: SObjectType
    ) throws(SOQLError) -> SObjectValue {
        let kind: SObjectField.Kind? = if case .own(let slot) = path { type.fields[slot].kind } else { nil }
        switch next() {
        case .literal(let text, _):
            if kind == .time || kind == .boolean || kind == .number {
                throw SOQLError(
                    code: "INVALID_FIELD",
                    message: "value of filter criterion for field '\(name)' must not be enclosed in quotes")
            }
            switch kind {
            case .id, .reference:
                guard let id = SalesforceID.normalized(text) else {
                    throw SOQLError(code: "INVALID_QUERY_FILTER_OPERATOR", message: "invalid ID field: \(text)")
                }
                return .text(id)
            default: return .text(text)
            }
        case .word(let text):
            switch text.lowercased() {
            case "null": return .null
            case "true": return .bool(true)
            case "false": return .bool(false)
            default: break
            }
            if kind == .time || (kind == nil && text.contains("T")) {
                guard let time = SalesforceTime.parse(text) else {
                    throw .malformed("line 1:1 no viable alternative at '\(text)'")
                }
                return .time(time)
            }
            guard kind == .number || kind == nil, let number = Double(text) else {
                throw SOQLError(
                    code: "INVALID_FIELD",
                    message: "value of filter criterion for field '\(name)' must be of type string and should be "
                        + "enclosed in quotes")
            }
            return .number(number)
        default: throw unexpected
        }
    }

    private func path(_ name: String, _ type: SObjectType) throws(SOQLError) -> SOQLQuery.Path {
        if let slot = type.slot(name), !catalogue.hides(name, of: type) { return .own(slot) }
        let parts = name.split(separator: ".").map(String.init)
        // The object's own name may stand before a field.
        if parts.count == 2, parts[0].lowercased() == type.name.lowercased(), let slot = type.slot(parts[1]) {
            return .own(slot)
        }
        if parts.count == 2, let through = type.slot(ofRelationship: parts[0]),
            case .reference(let targets, let relationship?) = type.fields[through].kind,
            parts[1].lowercased() == "type" || targets.contains(where: { catalogue[$0]?.slot(parts[1]) != nil })
        {
            return .related(through: through, relationship: relationship, field: parts[1])
        }
        throw SOQLError(
            code: "INVALID_FIELD",
            message:
                "\n\(name)\n^\nERROR at Row:1:Column:1\nNo such column '\(name)' on entity '\(type.name)'. If you are "
                + "attempting to use a custom field, be sure to append the '__c' after the custom field name. Please "
                + "reference your WSDL or the describe call for the appropriate names.")
    }

    private static func elements(of pattern: String) -> [SOQLPattern.Element] {
        var elements: [SOQLPattern.Element] = []
        var escaped = false
        for character in pattern.lowercased() {
            if character == SOQLLexer.escapeMark {
                escaped = true
                continue
            }
            if !escaped, character == "%" {
                elements.append(.any)
            } else if !escaped, character == "_" {
                elements.append(.one)
            } else {
                elements.append(contentsOf: character.utf8.map { .byte($0) })
            }
            escaped = false
        }
        return elements
    }

    private static let comparisons: [String: SOQLQuery.Comparison] = [
        "=": .equal, "!=": .notEqual, "<": .less, "<=": .lessOrEqual, ">": .greater, ">=": .greaterOrEqual,
    ]

    // MARK: Tokens

    private var peek: SOQLLexer.Token? { at < tokens.count ? tokens[at] : nil }

    private var unexpected: SOQLError {
        switch peek {
        case nil: .malformed("unexpected end of query")
        case .word(let text)?: .malformed("unexpected token: '\(text)'")
        case .sign(let text)?: .malformed("unexpected token: '\(text)'")
        case .literal(let text, _)?: .malformed("unexpected token: '\(text)'")
        }
    }

    private mutating func next() -> SOQLLexer.Token? {
        guard at < tokens.count else { return nil }
        defer { at += 1 }
        return tokens[at]
    }

    private func peekWord(_ keyword: String) -> Bool {
        if case .word(let text)? = peek { text.uppercased() == keyword } else { false }
    }

    private mutating func takeWord(_ keyword: String) -> Bool {
        guard peekWord(keyword) else { return false }
        at += 1
        return true
    }

    private mutating func takeSign(_ sign: String) -> Bool {
        guard peek == .sign(sign) else { return false }
        at += 1
        return true
    }

    private mutating func expect(_ keyword: String) throws(SOQLError) {
        guard takeWord(keyword) else { throw unexpected }
    }

    private mutating func expectSign(_ sign: String) throws(SOQLError) {
        guard takeSign(sign) else { throw unexpected }
    }

    private mutating func word() throws(SOQLError) -> String {
        guard case .word(let text)? = peek else { throw unexpected }
        at += 1
        return text
    }

    private mutating func number() throws(SOQLError) -> Int {
        guard let value = Int(try word()), value >= 0 else { throw unexpected }
        return value
    }
}
