/// A whole document in memory, for configuration and other places where speed does not matter.
///
/// Reading follows every rule of `JSONReader`; since all names are read, a repeated one is refused anywhere.
public enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    /// A number written without fraction and exponent that fits into 64 bits.
    case int(Int)
    /// Any other number.
    case double(Double)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    /// - Throws: as `JSONReader.decode`.
    public init(parsing bytes: [UInt8], limits: JSONLimits = JSONLimits()) throws(JSONError) {
        self = try JSONReader.decode(bytes, limits: limits) { reader in
            try reader.value()
        }
    }

    /// The document without whitespace, members in their order.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        append(to: &bytes)
        return bytes
    }

    func append(to bytes: inout [UInt8]) {
        switch self {
        case .null: bytes.append(contentsOf: "null".utf8)
        case .array(let elements):
            JSONWriter.append(to: &bytes, array: { for element in elements { $0.write(element) } })
        case .object(let object):
            JSONWriter.append(to: &bytes, object: { for member in object { $0.write(member.name, member.value) } })
        case .bool, .int, .double, .string:
            var buffer = JSONBuffer(bytes: bytes.moved())
            switch self {
            case .bool(let bool): buffer.append(bool)
            case .int(let int): buffer.append(int)
            case .double(let double): buffer.append(double)
            case .string(let string): buffer.append(string)
            case .null, .array, .object: break
            }
            bytes = buffer.bytes
        }
    }

    static func isValid(_ bytes: [UInt8]) -> Bool {
        let anything = JSONLimits(
            maximumBytes: .max, maximumDepth: JSONLimits.deepestPossible, maximumStringBytes: .max)
        do {
            try JSONReader.decode(bytes, limits: anything) { _ in }
            return true
        } catch {
            return false
        }
    }
}

extension JSONReader {
    /// Reads a value of any kind, with everything in it.
    public mutating func value() throws -> JSONValue {
        switch kind {
        case .null:
            _ = try null()
            return .null
        case .bool: return .bool(try bool())
        case .string: return .string(try string())
        case .number: return try number()
        case .array:
            return .array(
                try values { reader in try reader.value() })
        case .object:
            var object = JSONObject()
            try self.object { key, reader in
                object.append(String(key), try reader.value())
            }
            return .object(object)
        case nil: throw unexpected()
        }
    }

    private mutating func number() throws(JSONError) -> JSONValue {
        let number = try scanNumber()
        if !number.hasFraction, !number.hasExponent, let int = Self.int(number) { return .int(int) }
        return .double(try double(number))
    }
}
