/// A string's place in the document, between its quotes.
@usableFromInline
struct JSONText {
    @usableFromInline let start: Int
    @usableFromInline let count: Int
    /// Whether it holds a backslash, so that its bytes are not yet its text.
    @usableFromInline let isEscaped: Bool

    @inlinable
    init(start: Int, count: Int, isEscaped: Bool) {
        self.start = start
        self.count = count
        self.isEscaped = isEscaped
    }
}

/// A name as a set's member. Not a `String`, whose equality is Unicode's and not JSON's; the seeded hash keeps
/// a sender from making names that collide.
@usableFromInline
struct JSONName: Hashable {
    let bytes: [UInt8]

    @usableFromInline
    func hash(into hasher: inout Hasher) {
        bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
    }
}

extension JSONReader {
    /// Up to so many names of one object are compared one by one; beyond, a set keeps the cost from growing with
    /// the square of what a sender sends.
    static var namesComparedSingly: Int { 24 }

    /// Notes a name whose value was read; `names` from `outer` on are those of the same object.
    @usableFromInline
    mutating func note(_ name: JSONText, after outer: Int, in register: inout Set<JSONName>) throws(JSONError) {
        var isNew = true
        if register.isEmpty {
            for index in outer..<names.count where same(names[index], name) { isNew = false }
            // At once what most documents need, instead of growing to it.
            if names.isEmpty { names.reserveCapacity(Self.namesComparedSingly) }
            names.append(name)
            if names.count - outer == Self.namesComparedSingly {
                for index in outer..<names.count { register.insert(JSONName(bytes: resolve(names[index]))) }
            }
        } else {
            isNew = register.insert(JSONName(bytes: resolve(name))).inserted
        }
        guard isNew else { throw fail(.repeatedName, at: name.start) }
    }

    private func same(_ one: JSONText, _ other: JSONText) -> Bool {
        if one.isEscaped || other.isEscaped { return resolve(one) == resolve(other) }
        guard one.count == other.count else { return false }
        for index in 0..<one.count where base[one.start + index] != base[other.start + index] { return false }
        return true
    }
}
