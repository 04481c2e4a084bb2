import CCurl

/// The header fields of a request, in order. Immutable; build it once where many requests share it.
///
/// Fields that could change how the message is read are refused when it is sent (`invalidRequest`): names that are
/// no token, values with control characters (CR and LF above all), and the fields of the message's framing, which
/// only the driver sets: `Content-Length`, `Transfer-Encoding`, `Expect`.
public struct HTTPHeaders: Sendable, ExpressibleByDictionaryLiteral, CustomStringConvertible {
    public typealias Field = (name: String, value: String)

    public let fields: [Field]
    let list: CurlList

    /// No fields.
    public init() { self = Self.none }

    /// The fields in this order; a name may occur several times.
    public init(_ fields: [Field]) {
        self.fields = fields
        list = CurlList(fields)
    }

    public init(dictionaryLiteral elements: (String, String)...) {
        self.init(elements.map { (name: $0.0, value: $0.1) })
    }

    private static let none = HTTPHeaders([])

    /// A copy with this field in place of all of the same name.
    public func setting(_ name: String, _ value: String) -> HTTPHeaders {
        HTTPHeaders(fields.filter { $0.name.lowercased() != name.lowercased() } + [(name, value)])
    }

    /// Whether every field may be sent.
    public var areValid: Bool { list.isValid }

    /// The names alone: values may be secrets.
    public var description: String { fields.map(\.name).joined(separator: ", ") }
}

/// The fields as libcurl takes them. It only reads the list, so one list serves any number of transfers.
// Sendable is unchecked because of the raw pointer, which is written once here and read until the last user is gone.
final class CurlList: @unchecked Sendable {
    let first: UnsafeMutablePointer<curl_slist>?
    let isValid: Bool

    private static let refused: Set<String> = ["content-length", "transfer-encoding", "expect"]

    init(_ fields: [HTTPHeaders.Field]) {
        isValid = fields.allSatisfy(Self.isValid)
        guard isValid else {
            first = nil
            return
        }
        // A name without a value takes a header away that libcurl would add: waiting for "100 Continue" costs a
        // second with servers that do not know it, and the type of a form is never meant.
        var lines = ["Expect:"]
        if !fields.contains(where: { $0.name.lowercased() == "content-type" }) { lines.append("Content-Type:") }
        lines += fields.map { $0.value.isEmpty ? "\($0.name);" : "\($0.name): \($0.value)" }
        var list: UnsafeMutablePointer<curl_slist>?
        for line in lines {
            guard let longer = curl_slist_append(list, line) else { preconditionFailure("out of memory") }
            list = longer
        }
        first = list
    }

    deinit { curl_slist_free_all(first) }

    private static func isValid(_ field: HTTPHeaders.Field) -> Bool {
        !field.name.isEmpty && field.name.utf8.allSatisfy(isTokenByte)
            && field.value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }
            && !refused.contains(field.name.lowercased())
    }

    /// `tchar` of RFC 9110, 5.6.2.
    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
