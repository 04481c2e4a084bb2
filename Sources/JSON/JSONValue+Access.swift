extension JSONValue {
    /// A member of an object; `nil` when this is no object or has no such member. `null` members are `.null`.
    public subscript(name: String) -> JSONValue? {
        if case .object(let object) = self { object[name] } else { nil }
    }

    /// An element of an array; `nil` when this is no array or is shorter.
    public subscript(index: Int) -> JSONValue? {
        if case .array(let elements) = self, elements.indices.contains(index) { elements[index] } else { nil }
    }

    public var string: String? { if case .string(let string) = self { string } else { nil } }
    public var int: Int? { if case .int(let int) = self { int } else { nil } }
    public var bool: Bool? { if case .bool(let bool) = self { bool } else { nil } }
    public var array: [JSONValue]? { if case .array(let elements) = self { elements } else { nil } }
    public var object: JSONObject? { if case .object(let object) = self { object } else { nil } }
    public var isNull: Bool { self == .null }

    /// Any number.
    public var double: Double? {
        switch self {
        case .double(let double): double
        case .int(let int): Double(int)
        case .null, .bool, .string, .array, .object: nil
        }
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int) { self = .int(value) }
    public init(floatLiteral value: Double) { self = .double(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }

    /// - Precondition: no name appears twice.
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        var object = JSONObject()
        for (name, value) in elements {
            precondition(object[name] == nil, "a name may appear once")
            object[name] = value
        }
        self = .object(object)
    }
}

extension JSONValue: CustomStringConvertible {
    /// The document as text.
    public var description: String { String(decoding: bytes, as: UTF8.self) }
}
