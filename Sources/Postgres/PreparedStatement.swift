/// A statement's text with the types of its parameters: prepared once per connection, then sent by name.
final class PreparedStatement: Sendable {
    /// For messages.
    let name: String
    let sql: String
    let types: [UInt32]

    init(name: String, sql: String, types: [UInt32]) {
        self.name = name
        self.sql = sql
        self.types = types
    }
}

/// What is prepared on one connection, and under which name.
struct PreparedNames {
    /// Statements kept prepared. The product has about a hundred; further ones are prepared anew each time.
    private static let maximum = 500

    private struct Entry {
        /// Held so that its identity is not given to another statement.
        let statement: PreparedStatement
        let name: String
        /// Whether the server has said that it is prepared.
        var isConfirmed = false
    }
    private var entries: [ObjectIdentifier: Entry] = [:]
    private var last = 0

    /// The name to send a statement by, and whether it has to be prepared under it first.
    mutating func name(for statement: PreparedStatement) -> (name: String, mustPrepare: Bool) {
        let key = ObjectIdentifier(statement)
        if let entry = entries[key] {
            // While an earlier exchange's preparation is not confirmed it may still fail and take this one with it;
            // the unnamed statement depends on nobody.
            return entry.isConfirmed ? (entry.name, false) : ("", true)
        }
        if entries.count >= Self.maximum { return ("", true) }
        last += 1
        entries[key] = Entry(statement: statement, name: "s\(last)")
        return ("s\(last)", true)
    }

    mutating func confirm(_ statement: PreparedStatement) { entries[ObjectIdentifier(statement)]?.isConfirmed = true }
    mutating func forget(_ statement: PreparedStatement) { entries[ObjectIdentifier(statement)] = nil }
    mutating func removeAll() { entries.removeAll() }
}

/// The addresses of a statement's parameters, as libpq wants them; reused.
final class ParameterList {
    private(set) var values: [UnsafePointer<CChar>?] = []
    private(set) var lengths: [Int32] = []
    /// 1: binary.
    private(set) var formats: [Int32] = []
    private var offsets: [Int] = []
    private let buffer = EncodingBuffer()

    var count: Int { values.count }

    func removeAll() {
        values.removeAll(keepingCapacity: true)
        lengths.removeAll(keepingCapacity: true)
        formats.removeAll(keepingCapacity: true)
        buffer.removeAll()
    }

    /// A parameter whose bytes stay where they are until the statement is sent.
    func append(_ bytes: UnsafeRawPointer, count: Int) {
        values.append(bytes.assumingMemoryBound(to: CChar.self))
        lengths.append(Int32(count))
        formats.append(1)
    }

    /// Encodes single values behind what is there already.
    func append(_ parameters: [PostgresValue]) {
        if parameters.isEmpty { return }
        offsets.removeAll(keepingCapacity: true)
        for parameter in parameters {
            offsets.append(buffer.count)
            parameter.encode(into: buffer)
        }
        // Addresses only now: the buffer may have moved while it grew.
        for (index, parameter) in parameters.enumerated() {
            if parameter == .null {
                values.append(nil)
                lengths.append(0)
                formats.append(1)
                continue
            }
            let end = index + 1 < offsets.count ? offsets[index + 1] : buffer.count
            append(buffer.base + offsets[index] + 4, count: end - offsets[index] - 4)
        }
    }
}
