/// An object's members in the order they were written.
///
/// Not a dictionary: a document that is printed again keeps its order, and names are compared as JSON compares them,
/// by their bytes, where `String` would take "é" in one and in two characters for the same. A look-up walks the members.
public struct JSONObject: Sendable, Equatable, RandomAccessCollection {
    public struct Member: Sendable, Equatable {
        public let name: String
        public let value: JSONValue
    }

    private var members: [Member] = []

    public init() {}

    /// - Precondition: no name appears twice.
    public init(_ members: KeyValuePairs<String, JSONValue>) {
        for (name, value) in members {
            precondition(self[name] == nil, "a name may appear once")
            append(name, value)
        }
    }

    public var startIndex: Int { members.startIndex }
    public var endIndex: Int { members.endIndex }
    public subscript(position: Int) -> Member { members[position] }

    /// The member's value; `nil` when there is none of that name. Setting `nil` removes it.
    public subscript(name: String) -> JSONValue? {
        get { index(of: name).map { members[$0].value } }
        set {
            switch (index(of: name), newValue) {
            case (let index?, let value?): members[index] = Member(name: name, value: value)
            case (let index?, nil): members.remove(at: index)
            case (nil, let value?): append(name, value)
            case (nil, nil): break
            }
        }
    }

    private func index(of name: String) -> Int? {
        members.firstIndex { $0.name.utf8.elementsEqual(name.utf8) }
    }

    /// Adds a member whose name the reader has found to be new.
    mutating func append(_ name: String, _ value: JSONValue) {
        members.append(Member(name: name, value: value))
    }
}
